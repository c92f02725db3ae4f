using Hangfire;
using RftService.Data.Jobs;

namespace RftService.Api.Runs;

/// <summary>Tells the workers that a run waits.</summary>
internal sealed partial class WorkerBell(IBackgroundJobClient jobs, ILogger<WorkerBell> logger)
{
    /// <summary>To be called after the commit. The token names no run: the worker claims the best queued one.</summary>
    public void Ring(Guid runId)
    {
        try
        {
            jobs.Enqueue<ITrainRunJob>(job => job.ExecuteNextAsync(CancellationToken.None));
        }
        catch (BackgroundJobClientException lost)
        {
            // The run is stored and the worker's sweeper finds it: refusing now would make the client ask twice.
            LogEnqueueLost(logger, lost, runId);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId} waits, but no worker was told; the sweeper will")]
    private static partial void LogEnqueueLost(ILogger logger, Exception lost, Guid runId);
}
