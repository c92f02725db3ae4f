using Hangfire;
using RftService.Data.Jobs;
using RftService.Data.Runs;
using RftService.Data.Storage;
using RftService.Engine;
using RftService.Engine.Models;
using RftService.Engine.Training;
using RftService.Worker.Queue;

namespace RftService.Worker.Training;

/// <summary>The Engine's loop: trains synchronously on the calling thread.</summary>
internal delegate void TrainRun(RunSpec spec, IRunSink sink, ILogger logger, RunStop stop);

/// <summary>Claims the best queued run and trains it on this worker's device.</summary>
/// <remarks>
/// Hangfire delivers at least once: every line may run again, here or elsewhere. Its token also fires when a delivery is thought lost,
/// so it does not decide over a run; the lease does.
/// </remarks>
[AutomaticRetry(Attempts = 0)] // resuming is the sweeper's business; a bad recipe must not train ten times
internal sealed partial class TrainRunJob(
    RunQueue queue,
    RunInputs inputs,
    ResumePoint resumePoint,
    ArtifactPaths paths,
    TrainRun train,
    TimeProvider clock,
    IHostApplicationLifetime host,
    ILogger<TrainRunJob> logger) : ITrainRunJob
{
    public async Task ExecuteNextAsync(CancellationToken cancellation)
    {
        using var lease = await queue.TryClaimBestAsync(cancellation);
        if (lease is null)
        {
            LogNothingToDo(logger); // a spare token: all queued runs are claimed
            return;
        }

        LogClaimed(logger, lease.RunId, lease.Attempt);
        try
        {
            if (!await ExecuteAsync(lease))
            {
                return;
            }
        }
        catch (LeaseLostException)
        {
            LogLeaseLost(logger, lease.RunId, lease.Attempt); // another worker owns the row now: nothing was written
            return;
        }

        // Given back because this process ends. Hangfire returns the token to its queue when it stops us, so wait for that.
        await Task.Delay(Timeout.Infinite, cancellation);
    }

    // True when the run was given back.
    private async Task<bool> ExecuteAsync(RunLease lease)
    {
        var sink = new DatabaseRunSink(lease, paths, clock);
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(host.ApplicationStopping, lease.Lost);
        try
        {
            await TrainAsync(lease, sink, new RunStop(lease.CancelRequested, lease.PauseRequested, abort.Token));
            lease.Finish(RunStatus.Succeeded);
        }
        catch (OperationCanceledException) when (lease.Lost.IsCancellationRequested)
        {
            throw new LeaseLostException(lease.RunId, lease.Attempt);
        }
        catch (OperationCanceledException) when (lease.CancelRequested.IsCancellationRequested)
        {
            lease.Finish(RunStatus.Cancelled); // not rethrown: Hangfire would call it a failure
        }
        catch (OperationCanceledException) when (host.ApplicationStopping.IsCancellationRequested)
        {
            lease.Requeue("The worker is being stopped; the run waits for another one.");
            return true;
        }
        catch (RunPausedException rest)
        {
            lease.Pause(rest.Cause is null ? null : RunFailures.Of(rest.Cause, sink.HasStarted));
        }
        catch (TrainingException fault)
        {
            LogFailed(logger, fault, lease.RunId, fault.Fault);
            lease.Finish(RunStatus.Failed, RunFailures.Of(fault, sink.HasStarted));
        }
        catch (ModelFolderException fault)
        {
            LogUnrunnable(logger, fault, lease.RunId, "model_unreadable");
            lease.Finish(RunStatus.Failed, new RunFailure("model_unreadable", "loading", $"{fault.File}: {fault.Message}", fault.Remedy));
        }
        catch (UnrunnableException fault)
        {
            LogUnrunnable(logger, fault, lease.RunId, fault.Failure.Code);
            lease.Finish(RunStatus.Failed, fault.Failure);
        }
        catch (Exception fault) when (fault is not LeaseLostException && DatabaseFaults.PassByThemselves(fault))
        {
            LogDatabaseAbsent(logger, fault, lease.RunId);
            lease.Requeue("The database did not answer; the run waits for another try.");
        }
#pragma warning disable CA1031 // The run must not hang in `running` for a fault of ours; the log has the whole of it, the client is told no details.
        catch (Exception fault) when (fault is not LeaseLostException)
#pragma warning restore CA1031
        {
            LogInternalError(logger, fault, lease.RunId);
            lease.Finish(RunStatus.Failed, RunFailures.Internal(lease.RunId, sink.HasStarted));
        }

        return false;
    }

    private async Task TrainAsync(RunLease lease, DatabaseRunSink sink, RunStop stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Cancel, stop.Abort);
        using var input = await inputs.ReadAsync(lease, either.Token);
        while (true)
        {
            var resume = await resumePoint.FindAsync(lease.RunId, either.Token);
            var spec = input.Spec with { ResumeFrom = resume?.Folder };
            Directory.CreateDirectory(spec.CheckpointFolder);
            try
            {
                await TrainingThread.RunAsync(() => train(spec, sink, logger, stop));
                return;
            }
            catch (TrainingException damaged) when (resume is not null && !sink.HasStarted && damaged.Fault == TrainingFault.CheckpointUnreadable)
            {
                LogCheckpointDamaged(logger, damaged, lease.RunId, resume.Value.Step);
                await resumePoint.DiscardAsync(lease, resume.Value.Step, damaged.Message, either.Token);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A token without a run to claim")]
    private static partial void LogNothingToDo(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId} claimed, attempt {Attempt}")]
    private static partial void LogClaimed(ILogger logger, Guid runId, int attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId}: attempt {Attempt} lost its lease and stops")]
    private static partial void LogLeaseLost(ILogger logger, Guid runId, int attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId}: the checkpoint of step {Step} is damaged, trying the one before")]
    private static partial void LogCheckpointDamaged(ILogger logger, Exception fault, Guid runId, int step);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId} failed: {Fault}")]
    private static partial void LogFailed(ILogger logger, Exception cause, Guid runId, TrainingFault fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {RunId} cannot run here: {Code}")]
    private static partial void LogUnrunnable(ILogger logger, Exception cause, Guid runId, string code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId}: the database did not answer, the run is given back")]
    private static partial void LogDatabaseAbsent(ILogger logger, Exception cause, Guid runId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {RunId} ended by a fault of the service")]
    private static partial void LogInternalError(ILogger logger, Exception cause, Guid runId);
}
