namespace RftService.Engine.Algorithms.Advantages;

/// <summary>Means of rewards.</summary>
internal static class Mean
{
    /// <summary>The mean; of equal numbers that very number, so that roundings cannot pass for a difference and be scaled up.</summary>
    public static double Of(IReadOnlyList<double> values) =>
        values.Count == 0 ? 0 : values.All(value => value == values[0]) ? values[0] : values.Average();
}
