using System.ComponentModel;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Events;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Runs;

namespace RftService.Api.Runs;

/// <summary>Cancel, pause and resume.</summary>
internal sealed class RunControl(RftDbContext db, Caller caller, WorkerBell bell, TimeProvider clock, IHttpContextAccessor http)
{
    public Task<IResult> CancelAsync(string id, CancellationToken cancellation) => ChangeAsync(
        id,
        run => run.IsFinished ? ("run_finished", $"The run has ended already ({Name(run.Status)}): there is nothing to cancel.") : null,
        (run, now) =>
        {
            if (run.CancelRequested)
            {
                return null;
            }

            run.Cancel(now);
            return run.IsFinished
                ? ("cancelled", "Cancelled while no worker had it.")
                : ("cancel_requested", "Its end was asked for; the worker stops after the update under way and keeps it in a checkpoint.");
        },
        cancellation);

    public Task<IResult> PauseAsync(string id, CancellationToken cancellation) => ChangeAsync(
        id,
        run => run.IsFinished ? ("run_finished", $"The run has ended already ({Name(run.Status)}): there is nothing to pause.")
            : run.CancelRequested ? ("run_ends", "The end of the run was asked for: it cannot be paused.")
            : null,
        (run, _) =>
        {
            if (run.PauseRequested || run.Status == RunStatus.Paused)
            {
                return null;
            }

            run.Pause();
            return run.PauseRequested
                ? ("pause_requested", "A rest was asked for; the worker pauses the run after the step under way and keeps it in a checkpoint.")
                : ("run_paused", "Paused before a worker took it; POST /runs/{id}/resume lets it go on.");
        },
        cancellation);

    public Task<IResult> ResumeAsync(string id, CancellationToken cancellation) => ChangeAsync(
        id,
        run => run.IsFinished ? ("run_finished", $"The run has ended already ({Name(run.Status)}): clone it to run it again.") : null,
        (run, _) =>
        {
            if (run.Status != RunStatus.Paused && !run.PauseRequested)
            {
                return null;
            }

            run.Resume();
            return ("run_resumed", "Resumed: it goes on from its newest checkpoint.");
        },
        cancellation);

    // Refusal: code and message, or null. Change: the event to note, or null when nothing was to be changed, so each call may be repeated.
    private async Task<IResult> ChangeAsync(
        string id, Func<Run, (string Code, string Message)?> refuse, Func<Run, DateTimeOffset, (string Code, string Message)?> change,
        CancellationToken cancellation)
    {
        if (!PublicId.Run.TryParse(id, out var runId))
        {
            return PublicId.Run.NotFound(id);
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        // Locked: the worker writes the row at every step, and its events get their numbers under the same lock.
        var found = await db.Runs
            .FromSql($"select *, xmin from runs where id = {runId} and project_id = {caller.ProjectId} for update")
            .ToListAsync(cancellation);
        if (found is not [var run])
        {
            return PublicId.Run.NotFound(id);
        }

        if (refuse(run) is var (code, message))
        {
            // The official SDKs of other services retry 409.
            http.HttpContext!.Response.Headers["x-should-retry"] = "false";
            return Problems.Conflict(code, message);
        }

        var now = clock.GetUtcNow();
        var changed = change(run, now);
        if (changed is var (what, words))
        {
            db.RunEvents.Add(new RunEvent { RunId = runId, At = now, Level = "info", Code = what, Message = words });
            await db.SaveChangesAsync(cancellation);
            await RunSignal.SendAsync(db, runId, cancellation);
        }

        await transaction.CommitAsync(cancellation);
        if (changed is not null && run.Status == RunStatus.Queued)
        {
            bell.Ring(runId);
        }

        db.ChangeTracker.Clear();
        return TypedResults.Ok(await RunView.FindAsync(db, caller.ProjectId, runId, clock.GetUtcNow(), cancellation));
    }

    private static string Name(RunStatus status) => status.ToString().ToLower(CultureInfo.InvariantCulture);
}

internal static class RunControlEndpoints
{
    public static void MapRunControl(this RouteGroupBuilder runs)
    {
        runs.MapPost("/{id}/cancel", CancelAsync).WithName("CancelRun").WithSummary("End a run")
            .WithDescription("""
                A queued or paused run ends at once. A running one ends after the update under way; sampling, grading and evaluation are broken off.
                Nothing that was trained is lost: the last step is kept in a checkpoint with the origin `cancelled`, and all others stay.
                """)
            .Produces<RunResponse>().ProducesProblems(StatusCodes.Status404NotFound, StatusCodes.Status409Conflict);
        runs.MapPost("/{id}/pause", PauseAsync).WithName("PauseRun").WithSummary("Let a run rest")
            .WithDescription("""
                A queued run rests at once. A running one finishes the step under way, keeps it in a checkpoint with the origin `paused` and frees its
                worker. The service itself pauses a run whose loss or gradient is not finite for three steps in a row; its `failure` says so.
                """)
            .Produces<RunResponse>().ProducesProblems(StatusCodes.Status404NotFound, StatusCodes.Status409Conflict);
        runs.MapPost("/{id}/resume", ResumeAsync).WithName("ResumeRun").WithSummary("Let a paused run go on")
            .WithDescription("It is queued again and goes on from its newest checkpoint, exactly as if it had never rested. Takes back a pause that was only asked for.")
            .Produces<RunResponse>().ProducesProblems(StatusCodes.Status404NotFound, StatusCodes.Status409Conflict);
    }

    private static Task<IResult> CancelAsync([Description("The run's id")] string id, RunControl control, CancellationToken cancellation) =>
        control.CancelAsync(id, cancellation);

    private static Task<IResult> PauseAsync([Description("The run's id")] string id, RunControl control, CancellationToken cancellation) =>
        control.PauseAsync(id, cancellation);

    private static Task<IResult> ResumeAsync([Description("The run's id")] string id, RunControl control, CancellationToken cancellation) =>
        control.ResumeAsync(id, cancellation);
}
