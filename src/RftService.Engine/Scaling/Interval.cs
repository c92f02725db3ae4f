namespace RftService.Engine.Scaling;

/// <summary>Two bounds.</summary>
/// <param name="Low">The lower.</param>
/// <param name="High">The upper.</param>
public sealed record Interval(double Low, double High)
{
    /// <summary>Their distance.</summary>
    public double Width => High - Low;

    /// <summary>The middle 90 % of values.</summary>
    internal static Interval Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return new Interval(Quantile(sorted, 0.05), Quantile(sorted, 0.95));
    }

    /// <summary>The wider of the two.</summary>
    internal Interval Or(Interval other) => other.Width > Width ? other : this;

    private static double Quantile(double[] sorted, double share)
    {
        var at = share * (sorted.Length - 1);
        var below = (int)at;
        return below + 1 >= sorted.Length ? sorted[below] : sorted[below] + ((at - below) * (sorted[below + 1] - sorted[below]));
    }
}
