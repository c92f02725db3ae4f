using Microsoft.EntityFrameworkCore;
using Npgsql;
using RftService.Api.Events;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Datasets;
using RftService.Data.Runs;

namespace RftService.Api.Runs;

/// <summary>Stores a checked run and rings the workers' bell.</summary>
internal sealed partial class RunSubmission(
    RftDbContext db, Caller caller, ResourceId resource, WorkerBell bell, TimeProvider clock, ILogger<RunSubmission> logger)
{
    /// <summary>The id of the new run; null when what it names was deleted since it was checked.</summary>
    public async Task<Guid?> SubmitAsync(RunDraft draft, IReadOnlyDictionary<string, string> origins, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var run = draft.ToRun(resource.Value, caller.ProjectId, origins, now);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        if (!await KeepDatasetsAsync(draft, cancellation))
        {
            return null;
        }

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
            await transaction.CommitAsync(cancellation);
        }
        catch (DbUpdateException gone) when (gone.InnerException is PostgresException { SqlState: PostgresErrorCodes.ForeignKeyViolation })
        {
            return null;
        }
        catch (DbUpdateException made) when (made.IsTaken("pk_runs"))
        {
            return run.Id; // by this very request, before a crash: its answer was lost, its run was not
        }

        await RunSignal.SendAsync(db, run.Id, cancellation);
        bell.Ring(run.Id);
        LogSubmitted(logger, run.Id, draft.Algorithm);
        return run.Id;
    }

    // A deleted dataset keeps its row, so the foreign key would let it pass; deleting takes the rows for update and waits for this.
    private async Task<bool> KeepDatasetsAsync(RunDraft draft, CancellationToken cancellation)
    {
        Guid[] ids = [.. new[] { draft.Dataset, draft.EvaluationDataset, draft.ExpertDataset }.OfType<Dataset>().Select(dataset => dataset.Id).Distinct()];
        var kept = await db.Database
            .SqlQuery<Guid>($"select id from datasets where id = any({ids}) and deleted_at is null order by id for share")
            .ToListAsync(cancellation);
        return kept.Count == ids.Length;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId} submitted with {Algorithm}")]
    private static partial void LogSubmitted(ILogger logger, Guid runId, string algorithm);
}
