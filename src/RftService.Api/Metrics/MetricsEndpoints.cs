using System.ComponentModel;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Events;
using RftService.Api.Http;
using RftService.Data;

namespace RftService.Api.Metrics;

internal static class MetricsEndpoints
{
    // One JSON answer is built in memory; more than this goes by points or as a file.
    private const int MaxSteps = 20_000;

    public static void MapRunMetrics(this IEndpointRouteBuilder v1) => v1.MapGet("/runs/{id}/metrics", GetAsync)
        .WithTags("Runs").WithName("GetRunMetrics").WithSummary("Show the curves of a run")
        .WithDescription("Columns by metric; with `points` downsampled to means with their lowest and highest values. CSV and JSON lines give every step.")
        .Produces<MetricsResponse>(StatusCodes.Status200OK, "application/json", "text/csv", "application/jsonl")
        .ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status404NotFound, StatusCodes.Status422UnprocessableEntity);

    private static async Task<IResult> GetAsync(
        [Description("The run's id")] string id, [AsParameters] MetricsQuery query, HttpRequest request, RftDbContext db, Caller caller,
        CancellationToken cancellation)
    {
        if (await RunLookup.FindAsync(db, caller, id, cancellation) is not { } runId)
        {
            return PublicId.Run.NotFound(id);
        }

        var (from, to) = (query.FromStep ?? 0, query.ToStep ?? int.MaxValue);
        var rows = db.StepMetrics.AsNoTracking().Where(row => row.RunId == runId && row.Step >= from && row.Step <= to).OrderBy(row => row.Step);
        if (FormatOf(query, request) is var format and not "json")
        {
            return new MetricsFile(rows, query.Wanted ?? await NamesAsync(db, runId, from, to, cancellation), format == "csv", query.Wanted is not null);
        }

        if (query.Points is { } points)
        {
            return TypedResults.Ok(await MetricBuckets.ReadAsync(db, runId, from, to, points, query.Wanted, cancellation));
        }

        var steps = await rows.Take(MaxSteps + 1).ToListAsync(cancellation);
        return steps.Count > MaxSteps
            ? Problems.Unprocessable("too_many_steps", new ProblemError("?points", "too_many_steps",
                $"more than {MaxSteps} steps: give points, a range of steps, or format=csv or jsonl"))
            : TypedResults.Ok(MetricColumns.Of(steps, query.Wanted));
    }

    private static string FormatOf(MetricsQuery query, HttpRequest request)
    {
        if (query.Format is { } format)
        {
            return format;
        }

        var accepted = request.GetTypedHeaders().Accept.OrderByDescending(media => media.Quality ?? 1).Select(media => media.MediaType.Value);
        return query.Points is not null ? "json" : accepted.FirstOrDefault() switch
        {
            "text/csv" => "csv",
            "application/jsonl" or "application/x-ndjson" => "jsonl",
            _ => "json",
        };
    }

    private static async Task<string[]> NamesAsync(RftDbContext db, Guid runId, int from, int to, CancellationToken cancellation) =>
        await db.Database.SqlQuery<string>($"""
            select distinct name collate "C" as "Value" from step_metrics, jsonb_object_keys("values") as name
            where run_id = {runId} and step between {from} and {to} order by 1
            """).ToArrayAsync(cancellation);
}
