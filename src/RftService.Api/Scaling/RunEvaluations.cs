using Microsoft.EntityFrameworkCore;
using RftService.Data;
using RftService.Engine.Scaling;
using RftService.Engine.Training;

namespace RftService.Api.Scaling;

/// <summary>A metric of a run against the compute that was spent when it was measured.</summary>
internal sealed class RunEvaluations
{
    // A fit takes time in proportion; more would say nothing more.
    private const int MaxPoints = 1000;
    private readonly IReadOnlyList<Measured> _all;

    private RunEvaluations(IReadOnlyList<Measured> all) => _all = all;

    /// <summary>The value before training; null when it was not measured.</summary>
    public double? Start => _all.FirstOrDefault(point => point.Step == 0)?.Value;

    public static async Task<RunEvaluations> ReadAsync(RftDbContext db, Guid runId, string metric, string compute, CancellationToken cancellation)
    {
        var (trained, sampled, seconds) = (MetricNames.TokensTrained, MetricNames.TokensSampled, MetricNames.StepSeconds);
        var all = await db.Database.SqlQuery<Measured>($"""
            with spent as (
                select step, ("values" ->> {metric})::float8 as value,
                    case {compute}
                        when 'tokens' then coalesce(("values" ->> {trained})::float8, 0) + coalesce(("values" ->> {sampled})::float8, 0)
                        when 'seconds' then sum(coalesce(("values" ->> {seconds})::float8, 0)) over (order by step)
                        else step end as compute
                from step_metrics where run_id = {runId})
            select step, value, compute from spent where value is not null order by step
            """).ToListAsync(cancellation);
        return new RunEvaluations(all);
    }

    /// <summary>What was measured after training had begun, thinned evenly when it is very much.</summary>
    public IReadOnlyList<ScalingPoint> Within(int fromStep, int toStep)
    {
        var inside = _all.Where(point => point.Step >= fromStep && point.Step <= toStep && point.Compute > 0).ToList();
        var every = (inside.Count / MaxPoints) + 1;
        return [.. inside.Where((_, i) => i % every == 0).Select(point => new ScalingPoint(point.Compute, point.Value))];
    }

    private sealed record Measured(int Step, double Value, double Compute);
}
