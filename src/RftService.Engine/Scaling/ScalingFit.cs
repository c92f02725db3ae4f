using RftService.Engine.Rollouts;

namespace RftService.Engine.Scaling;

/// <summary>A fitted curve, how sure it is, and whether it may be believed.</summary>
/// <param name="Curve">The best curve.</param>
/// <param name="Points">Measurements that it was fitted to.</param>
/// <param name="ResidualDeviation">Standard deviation of the measurements around the curve; the noise of one evaluation.</param>
/// <param name="Asymptote">90 % interval of A: the wider of bootstrap and profile.</param>
/// <param name="Refusals">Why the asymptote is not identified; empty when it is.</param>
public sealed record ScalingFit(
    ScalingCurve Curve, int Points, double ResidualDeviation, Interval Asymptote, IReadOnlyList<ScalingRefusal> Refusals)
{
    /// <summary>Measurements below which nothing is fitted.</summary>
    public const int FewestForCurve = 4;

    private const int FewestForAsymptote = 8;
    private const double WidestAsymptote = 0.1;
    private const int Bootstraps = 200;

    private IReadOnlyList<ScalingCurve> Resampled { get; init; } = [];

    /// <summary>True when A may be compared and extrapolated to.</summary>
    public bool IsIdentified => Refusals.Count == 0;

    /// <summary>Fits the curve through the start and measures how sure it is.</summary>
    /// <param name="points">Measurements inside the window, at least <see cref="FewestForCurve"/>; the paper leaves out the first epoch.</param>
    /// <param name="start">R₀, the reward before training.</param>
    /// <exception cref="ArgumentException">Too few measurements, or a compute that is not above 0.</exception>
    public static ScalingFit Of(IReadOnlyList<ScalingPoint> points, double start)
    {
        ArgumentNullException.ThrowIfNull(points);
        if (points.Count < FewestForCurve || points.Any(point => !(point.Compute > 0) || !double.IsFinite(point.Compute) || !double.IsFinite(point.Reward)))
        {
            throw new ArgumentException($"expected at least {FewestForCurve} finite points with a compute above 0, got {points.Count}", nameof(points));
        }

        var (curve, squares) = new CurveFit(points, start).Best();
        var bootstrap = Resample(points, curve);
        var asymptote = Interval.Of(bootstrap.Select(other => other.Asymptote)).Or(Profile(points, curve, squares));
        return new ScalingFit(curve, points.Count, Math.Sqrt(squares / (points.Count - 3)), asymptote, [.. Judge(points, curve, asymptote)])
        {
            Resampled = bootstrap,
        };
    }

    /// <summary>B and C_mid at an A that is given: recipes with the same asymptote are compared by them.</summary>
    public static ScalingCurve AtAsymptote(IReadOnlyList<ScalingPoint> points, double start, double asymptote) =>
        new CurveFit(points, start, asymptote).Best().Curve;

    /// <summary>The reward at a compute, with its 90 % interval.</summary>
    public (double Reward, Interval Interval) Forecast(double compute) =>
        (Curve.At(compute), Interval.Of(Resampled.Select(curve => curve.At(compute))));

    // Residual bootstrap: the curve's own values with residuals drawn again. They are widened by n/(n − 3), for three were fitted.
    private static List<ScalingCurve> Resample(IReadOnlyList<ScalingPoint> points, ScalingCurve curve)
    {
        var widen = Math.Sqrt(points.Count / (double)(points.Count - 3));
        var residuals = points.Select(point => (point.Reward - curve.At(point.Compute)) * widen).ToArray();
        return [.. Enumerable.Range(0, Bootstraps).Select(round =>
        {
            var drawn = points.Select((point, i) =>
            {
                var at = (int)(CounterRandom.Uniform(0, (ulong)round, (ulong)i, 0) * residuals.Length);
                return point with { Reward = curve.At(point.Compute) + residuals[at] };
            });
            return new CurveFit([.. drawn], curve.Start).From(curve).Curve;
        })];
    }

    // Every A whose best fit is not worse than the best of all by more than chance allows (F test with one degree of freedom).
    private static Interval Profile(IReadOnlyList<ScalingPoint> points, ScalingCurve curve, double squares)
    {
        var freedom = points.Count - 3;
        var limit = squares * (1 + (Math.Pow(StudentQuantile95(freedom), 2) / freedom));
        return new Interval(Edge(curve.Start), Edge(1));

        double Edge(double bound)
        {
            var (inside, outside) = (curve.Asymptote, bound);
            for (var i = 0; i < 24; i++)
            {
                var middle = (inside + outside) / 2;
                if (new CurveFit(points, curve.Start, middle).From(curve with { Asymptote = middle }).Squares <= limit)
                {
                    inside = middle;
                }
                else
                {
                    outside = middle;
                }
            }

            return inside;
        }
    }

    // The expansion of Cornish and Fisher: within 1 % from 3 degrees of freedom on; for 1 and 2 the exact values.
    private static double StudentQuantile95(int freedom)
    {
        const double z = 1.6448536269514722;
        return freedom switch
        {
            1 => 6.313751514675043,
            2 => 2.919985580355516,
            _ => z + ((Math.Pow(z, 3) + z) / (4 * freedom)) + (((5 * Math.Pow(z, 5)) + (16 * Math.Pow(z, 3)) + (3 * z)) / (96.0 * freedom * freedom)),
        };
    }

    private static IEnumerable<ScalingRefusal> Judge(IReadOnlyList<ScalingPoint> points, ScalingCurve curve, Interval asymptote)
    {
        var last = points.Max(point => point.Compute);
        if (points.Count < FewestForAsymptote)
        {
            yield return new("too_few_points", $"{points.Count} evaluations are in the window; {FewestForAsymptote} or more are needed. Evaluate more often.");
        }

        if (curve.Asymptote <= curve.Start)
        {
            yield return new("no_gain", "The reward does not rise with compute.");
        }

        if (asymptote.Width > WidestAsymptote)
        {
            yield return new("wide_interval",
                $"The asymptote lies anywhere from {asymptote.Low:F3} to {asymptote.High:F3}: more than {WidestAsymptote} wide. Train longer, or evaluate on more rows.");
        }

        if (last < 2 * curve.Midpoint)
        {
            yield return new("not_saturated",
                $"The run reached {last:G4}, less than twice the compute of half the gain ({curve.Midpoint:G4}): it has not bent yet. Train longer.");
        }
    }
}

/// <summary>Why an asymptote is not identified.</summary>
/// <param name="Code">Stable: `too_few_points`, `no_gain`, `wide_interval`, `not_saturated`.</param>
/// <param name="Message">What was seen, and what to do.</param>
public sealed record ScalingRefusal(string Code, string Message);
