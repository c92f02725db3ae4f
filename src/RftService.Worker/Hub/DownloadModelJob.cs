using Hangfire;
using Microsoft.Extensions.Options;
using Npgsql;
using RftService.Data.Jobs;
using RftService.Data.Models;
using RftService.Data.Storage;
using RftService.Engine.Models;
using RftService.Worker.Hosting;
using RftService.Worker.Queue;

namespace RftService.Worker.Hub;

/// <summary>Claims the oldest waiting download and makes it.</summary>
/// <remarks>Hangfire delivers at least once: every line may run again, here or elsewhere. What has arrived is kept for the next try.</remarks>
[AutomaticRetry(Attempts = 0)]
internal sealed partial class DownloadModelJob(
    ModelDownloads downloads,
    ModelDownload download,
    ArtifactPaths paths,
    IOptions<WorkerOptions> options,
    TimeProvider clock,
    IHostApplicationLifetime host,
    ILogger<DownloadModelJob> logger) : IDownloadModelJob
{
    public async Task ExecuteNextAsync(CancellationToken cancellation)
    {
        if (await downloads.TryClaimAsync(cancellation) is not { } claim)
        {
            return; // a spare token
        }

        LogClaimed(logger, claim.ModelId, claim.Hub.Repository, claim.Attempt);
        var progress = new DownloadProgress { Commit = claim.Commit };
        using var lost = new CancellationTokenSource();
        using var done = new CancellationTokenSource();
        var beating = BeatAsync(claim, progress, lost, done.Token);
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(host.ApplicationStopping, lost.Token);
            await ExecuteAsync(claim, progress, lost.Token, stop.Token);
        }
        finally
        {
            await done.CancelAsync();
            await beating;
        }
    }

    private async Task ExecuteAsync(ClaimedDownload claim, DownloadProgress progress, CancellationToken lost, CancellationToken stop)
    {
        var folder = paths.InModels(claim.Folder);
        try
        {
            var model = await download.RunAsync(claim.Hub, claim.Commit, folder, progress, stop);
            await downloads.FinishAsync(claim, progress, model, CancellationToken.None);
            LogDone(logger, claim.ModelId, progress.Done);
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested)
        {
            await ForgetAsync(claim, folder);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await downloads.ReleaseAsync(claim, progress, CancellationToken.None); // the sweeper of another worker sees to it
        }
        catch (HubException fault)
        {
            await FailAsync(claim, progress, new ModelFailure(fault.Code, fault.File, null, fault.Message, fault.Remedy), fault);
        }
        catch (ModelFolderException fault)
        {
            var pointer = fault.Pointer.Length == 0 ? null : fault.Pointer;
            await FailAsync(claim, progress, new ModelFailure("model_unreadable", fault.File, pointer, fault.Message, fault.Remedy), fault);
        }
        catch (Exception fault) when (DatabaseFaults.PassByThemselves(fault))
        {
            LogDatabaseAbsent(logger, fault, claim.ModelId); // the claim ages, and the next one goes on
        }
#pragma warning disable CA1031 // The model must not hang in `downloading` for a fault of ours; the log has the whole of it.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            await FailAsync(
                claim, progress,
                new ModelFailure("internal_error", null, null, "The download ended by a fault of the service.", "Ask the operator for the worker's log."), fault);
        }
    }

    private async Task FailAsync(ClaimedDownload claim, DownloadProgress progress, ModelFailure failure, Exception fault)
    {
        LogFailed(logger, fault, claim.ModelId, failure.Code);
        await downloads.FailAsync(claim, progress, failure, CancellationToken.None);
    }

    // Lost to another worker, or the model was deleted: then nobody else clears its files away.
    private async Task ForgetAsync(ClaimedDownload claim, string folder)
    {
        LogLost(logger, claim.ModelId, claim.Attempt);
        if (await downloads.IsWantedAsync(claim.ModelId, CancellationToken.None))
        {
            return;
        }

        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // the Api, which deletes a model's files with it, was faster
        }
    }

    private async Task BeatAsync(ClaimedDownload claim, DownloadProgress progress, CancellationTokenSource lost, CancellationToken done)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(Math.Min(2, options.Value.LeaseSeconds / 3.0)), clock);
        var last = clock.GetTimestamp();
        try
        {
            while (await timer.WaitForNextTickAsync(done))
            {
                progress.Measure(clock.GetElapsedTime(last));
                last = clock.GetTimestamp();
                try
                {
                    if (!await downloads.BeatAsync(claim, progress, done))
                    {
                        await lost.CancelAsync();
                        return;
                    }
                }
                catch (NpgsqlException absent)
                {
                    LogDatabaseAbsent(logger, absent, claim.ModelId);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // it has ended
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Model {ModelId}: download of {Repository} begins or goes on, attempt {Attempt}")]
    private static partial void LogClaimed(ILogger logger, Guid modelId, string repository, int attempt);

    [LoggerMessage(Level = LogLevel.Information, Message = "Model {ModelId}: {Bytes} bytes arrived, ready")]
    private static partial void LogDone(ILogger logger, Guid modelId, long bytes);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {ModelId}: the download failed with {Code}")]
    private static partial void LogFailed(ILogger logger, Exception fault, Guid modelId, string code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {ModelId}: attempt {Attempt} lost its claim and stops")]
    private static partial void LogLost(ILogger logger, Guid modelId, int attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {ModelId}: the database did not answer")]
    private static partial void LogDatabaseAbsent(ILogger logger, Exception fault, Guid modelId);
}
