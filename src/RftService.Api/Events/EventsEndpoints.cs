using System.ComponentModel;
using System.Globalization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Data;

namespace RftService.Api.Events;

internal static class EventsEndpoints
{
    private const string LastEventId = "Last-Event-ID";

    public static void AddRunEvents(this IServiceCollection services)
    {
        services.AddSingleton<RunSignals>();
        services.AddHostedService(provider => provider.GetRequiredService<RunSignals>());
        services.AddScoped<RunStream>();
    }

    public static void MapRunEvents(this IEndpointRouteBuilder v1)
    {
        var runs = v1.MapGroup("/runs/{id}").WithTags("Runs").ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status404NotFound);
        runs.MapGet("/events", ListAsync).WithName("ListRunEvents").WithSummary("List the events of a run, oldest first")
            .Produces<Page<RunEventResponse>>();
        runs.MapGet("/stream", StreamAsync).WithName("StreamRun").WithSummary("Follow a run as server-sent events")
            .WithDescription(
                "Messages of the types `event`, `metrics` and `status`, from the run's first one on, until the run has ended. "
                + "Send the last `id` as Last-Event-ID to go on without loss and without repetition; 204 says that nothing will come any more. "
                + "A comment is sent every 15 s when there is nothing to say.")
            .Produces<string>(StatusCodes.Status200OK, "text/event-stream").Produces(StatusCodes.Status204NoContent);
    }

    private static async Task<IResult> ListAsync(
        [Description("The run's id")] string id, [AsParameters] RunEventsQuery query, RftDbContext db, Caller caller, CancellationToken cancellation)
    {
        if (await RunLookup.FindAsync(db, caller, id, cancellation) is not { } runId)
        {
            return PublicId.Run.NotFound(id);
        }

        var limit = query.Limit ?? 100;
        var after = query.After;
        var events = await db.RunEvents.AsNoTracking()
            .Where(one => one.RunId == runId && one.Seq > after).OrderBy(one => one.Seq).Take(limit + 1).ToListAsync(cancellation);
        var hasMore = events.Count > limit;
        var data = events.Take(limit).Select(RunEventResponse.From).ToList();
        return TypedResults.Ok(new Page<RunEventResponse>(data, hasMore ? data[^1].Seq.ToString(CultureInfo.InvariantCulture) : null, hasMore));
    }

    private static async Task<IResult> StreamAsync(
        [Description("The run's id")] string id,
        [FromHeader(Name = LastEventId), Description("id of the last message received; absent: from the first one")] string? lastEventId,
        HttpContext http, RunStream stream, RftDbContext db, Caller caller, CancellationToken cancellation)
    {
        if (await RunLookup.FindAsync(db, caller, id, cancellation) is not { } runId)
        {
            return PublicId.Run.NotFound(id);
        }

        var cursor = StreamCursor.Start;
        if (!string.IsNullOrEmpty(lastEventId) && !StreamCursor.TryParse(lastEventId, out cursor))
        {
            return Problems.Invalid(new ProblemError("", "invalid_last_event_id", $"{LastEventId}: expected the id of a message of this stream, unchanged"));
        }

        // EventSource connects again for ever unless it is told that the end was the end.
        if (await stream.HasEndedAsync(runId, cursor, cancellation))
        {
            return TypedResults.NoContent();
        }

        return TypedResults.ServerSentEvents(stream.ReadAsync(http, runId, cursor, cancellation));
    }
}

/// <summary>Runs of the caller's project by the id in the path.</summary>
internal static class RunLookup
{
    /// <summary>Null when the project has no such run.</summary>
    public static async Task<Guid?> FindAsync(RftDbContext db, Caller caller, string id, CancellationToken cancellation) =>
        PublicId.Run.TryParse(id, out var runId)
        && await db.Runs.AnyAsync(run => run.Id == runId && run.ProjectId == caller.ProjectId, cancellation)
            ? runId
            : null;
}
