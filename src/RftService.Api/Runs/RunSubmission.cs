using Hangfire;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using RftService.Api.Events;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Jobs;
using RftService.Data.Runs;

namespace RftService.Api.Runs;

/// <summary>Stores a checked run and rings the workers' bell.</summary>
internal sealed partial class RunSubmission(
    RftDbContext db, Caller caller, IBackgroundJobClient jobs, TimeProvider clock, ILogger<RunSubmission> logger)
{
    /// <summary>The id of the new run; null when what it names was deleted since it was checked.</summary>
    public async Task<Guid?> SubmitAsync(RunDraft draft, IReadOnlyDictionary<string, string> origins, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var run = draft.ToRun(PublicId.New(clock), caller.ProjectId, origins, now);
        db.Runs.Add(run);
        db.RunEvents.Add(new RunEvent
        {
            RunId = run.Id,
            At = now,
            Level = "info",
            Code = "submitted",
            Message = $"Submitted: {draft.Algorithm} on {draft.Model.Name}.",
        });
        db.RunEvents.AddRange(draft.Notes.Select(note => new RunEvent { RunId = run.Id, At = now, Level = "warn", Code = "submission_note", Message = note }));
        try
        {
            await db.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException gone) when (gone.InnerException is PostgresException { SqlState: PostgresErrorCodes.ForeignKeyViolation })
        {
            return null;
        }

        await RunSignal.SendAsync(db, run.Id, cancellation);
        try
        {
            // After the commit, and a token without the run's id: the worker claims the best queued run.
            jobs.Enqueue<ITrainRunJob>(job => job.ExecuteNextAsync(CancellationToken.None));
        }
        catch (BackgroundJobClientException lost)
        {
            // The run is stored and the worker's sweeper finds it: refusing now would make the client submit it twice.
            LogEnqueueLost(logger, lost, run.Id);
        }

        LogSubmitted(logger, run.Id, draft.Algorithm);
        return run.Id;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId} submitted with {Algorithm}")]
    private static partial void LogSubmitted(ILogger logger, Guid runId, string algorithm);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId} is stored, but no worker was told; the sweeper will")]
    private static partial void LogEnqueueLost(ILogger logger, Exception lost, Guid runId);
}
