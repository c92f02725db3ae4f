using System.ComponentModel;
using RftService.Api.Events;
using RftService.Api.Http;
using RftService.Data;
using RftService.Engine.Scaling;

namespace RftService.Api.Scaling;

internal static class ScalingEndpoints
{
    public static void MapRunScaling(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/runs/{id}/scaling-fit", FitAsync).WithTags("Runs").WithName("GetRunScalingFit").WithSummary("Fit reward against compute")
            .WithDescription(
                "Fits the sigmoid of arXiv:2510.13786 to the evaluations of the run and says whether its asymptote is identified. "
                + "Works while the run goes on.")
            .Produces<ScalingFitResponse>()
            .ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status404NotFound, StatusCodes.Status422UnprocessableEntity);
        v1.MapGet("/runs/{id}/scaling-fit/{other}", CompareAsync).WithTags("Runs").WithName("CompareRunScaling")
            .WithSummary("Compare how two runs use compute")
            .WithDescription("By asymptote; where the asymptotes are within 0.02, both are fitted again at their mean and the exponents decide.")
            .Produces<ScalingComparison>()
            .ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status404NotFound, StatusCodes.Status422UnprocessableEntity);
    }

    private static async Task<IResult> FitAsync(
        [Description("The run's id")] string id, [AsParameters] ScalingQuery query, RftDbContext db, Caller caller, CancellationToken cancellation)
    {
        var measured = await MeasureAsync(id, query, db, caller, cancellation);
        return measured.Refusal ?? TypedResults.Ok(Respond(measured.Evaluations!, query));
    }

    private static async Task<IResult> CompareAsync(
        [Description("The run's id")] string id, [Description("Id of the run to compare it with")] string other, [AsParameters] ScalingQuery query,
        RftDbContext db, Caller caller, CancellationToken cancellation)
    {
        var (first, refusal) = await MeasureAsync(id, query, db, caller, cancellation);
        if (first is null)
        {
            return refusal!;
        }

        (var second, refusal) = await MeasureAsync(other, query, db, caller, cancellation);
        if (second is null)
        {
            return refusal!;
        }

        var comparison = RecipeComparison.Of(first.Points, first.Fit, second.Points, second.Fit);
        return TypedResults.Ok(new ScalingComparison(
            comparison.Verdict, comparison.Explanation, comparison.First, comparison.Second, Respond(first, query), Respond(second, query)));
    }

    private static async Task<(FittedRun? Evaluations, IResult? Refusal)> MeasureAsync(
        string id, ScalingQuery query, RftDbContext db, Caller caller, CancellationToken cancellation)
    {
        if (await RunLookup.FindAsync(db, caller, id, cancellation) is not { } runId)
        {
            return (null, PublicId.Run.NotFound(id));
        }

        var evaluations = await RunEvaluations.ReadAsync(db, runId, query.MetricName(), query.ComputeUnit(), cancellation);
        if ((query.Start ?? evaluations.Start) is not { } start)
        {
            return (null, Problems.Unprocessable("start_unknown", new ProblemError("?start", "start_unknown",
                $"the run {id} has no {query.MetricName()} at step 0: give start, the reward before training, or submit runs with recipe.evaluation")));
        }

        var points = evaluations.Within(query.FromStep ?? 1, query.ToStep ?? int.MaxValue);
        return points.Count < ScalingFit.FewestForCurve
            ? (null, Problems.Unprocessable("too_few_points", new ProblemError("?metric", "too_few_points",
                $"{points.Count} steps of the run {id} in the window have {query.MetricName()}; a curve needs {ScalingFit.FewestForCurve}, an asymptote 8. "
                + "Train longer, evaluate more often (recipe.evaluation.every), or widen the window")))
            : (new FittedRun(points, ScalingFit.Of(points, start)), null);
    }

    private static ScalingFitResponse Respond(FittedRun run, ScalingQuery query)
    {
        var fit = run.Fit;
        return new ScalingFitResponse
        {
            Metric = query.MetricName(),
            Compute = query.ComputeUnit(),
            Curve = fit.Curve,
            Identified = fit.IsIdentified,
            Refusals = fit.Refusals,
            AsymptoteInterval = fit.Asymptote,
            ResidualDeviation = fit.ResidualDeviation,
            Points = run.Points,
            Forecast = query.ForecastAt is { } at && fit.Forecast(at) is var (reward, interval)
                ? new ScalingForecast(at, reward, interval, fit.IsIdentified || at <= run.Points.Max(point => point.Compute))
                : null,
        };
    }

    private static string MetricName(this ScalingQuery query) => query.Metric ?? Engine.Training.MetricNames.EvaluationRewardMean;

    private static string ComputeUnit(this ScalingQuery query) => query.Compute ?? "tokens";

    private sealed record FittedRun(IReadOnlyList<ScalingPoint> Points, ScalingFit Fit);
}
