namespace RftService.Engine.Algorithms.Advantages;

/// <summary>
/// The return from each token on, whitened over all tokens of the batch: less their mean, by the square root of their sample variance + 1e-8
/// (REINFORCE++, arXiv:2501.03262).
/// </summary>
public sealed record WhitenedAdvantage : AdvantageSpec
{
    private const double Epsilon = 1e-8;

    /// <summary>Takes the mean of the group off first (REINFORCE++-baseline).</summary>
    public bool GroupBaseline { get; init; }

    internal override IReadOnlyList<Credit> Assign(AdvantageInput step)
    {
        var baselines = step.Kept.GroupBy(completion => completion.Group)
            .ToDictionary(group => group.Key, group => GroupBaseline ? Mean.Of([.. group.Select(completion => completion.Return)]) : 0);
        var returns = step.Kept.Select(completion => FromEachToken(completion, baselines[completion.Group])).ToArray();
        var tokens = returns.SelectMany(one => one).ToArray();
        var mean = Mean.Of(tokens);
        var variance = tokens.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, tokens.Length - 1);
        var scale = 1 / Math.Sqrt(variance + Epsilon);
        return [.. step.Kept.Select((completion, i) =>
        {
            var whitened = Array.ConvertAll(returns[i], value => (value - mean) * scale);
            return new Credit(completion, whitened.Average(), completion.TokenRewards is null ? null : whitened);
        })];
    }

    private static double[] FromEachToken(GradedCompletion completion, double baseline)
    {
        var returns = new double[completion.Length];
        var sum = completion.Reward - baseline;
        for (var t = completion.Length - 1; t >= 0; t--)
        {
            sum += completion.TokenRewards?[t] ?? 0;
            returns[t] = sum;
        }

        return returns;
    }
}
