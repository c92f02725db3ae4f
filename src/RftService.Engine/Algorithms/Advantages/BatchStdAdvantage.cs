using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms.Advantages;

/// <summary>What the standard deviation of a batch is taken of.</summary>
public enum BatchStdOver
{
    /// <summary>Root mean square of the centered rewards of the prompts that are kept.</summary>
    Kept,

    /// <summary>The same over all prompts, those without variance included.</summary>
    All,

    /// <summary>Sample deviation of the rewards themselves over all prompts (TRL's synchronous trainer; with ε 1e-4).</summary>
    RawRewards,
}

/// <summary>
/// (r − mean of the group) / (standard deviation of the batch + ε) (ScaleRL, arXiv:2510.13786). The paper does not say whether the deviation
/// is taken before or after prompts without variance are dropped: both are here.
/// </summary>
public sealed record BatchStdAdvantage : AdvantageSpec
{
    /// <summary>What the deviation is taken of.</summary>
    public BatchStdOver Over { get; init; } = BatchStdOver.Kept;

    /// <summary>ε.</summary>
    [Range(0.0, 1.0)]
    public double Epsilon { get; init; }

    internal override IReadOnlyList<Credit> Assign(AdvantageInput step)
    {
        var centered = new CenterAdvantage();
        var credits = centered.Assign(step);
        var scale = Epsilon + Over switch
        {
            BatchStdOver.Kept => RootMeanSquare(credits),
            BatchStdOver.All => RootMeanSquare(centered.Assign(step with { Kept = step.All })),
            BatchStdOver.RawRewards => SampleDeviation([.. step.All.Select(completion => completion.Return)]),
        };
        return [.. credits.Select(credit => credit with { Advantage = scale > 0 ? credit.Advantage / scale : 0 })];
    }

    private static double RootMeanSquare(IReadOnlyList<Credit> credits) =>
        credits.Count == 0 ? 0 : Math.Sqrt(credits.Average(credit => credit.Advantage * credit.Advantage));

    private static double SampleDeviation(double[] rewards)
    {
        var mean = Mean.Of(rewards);
        return Math.Sqrt(rewards.Sum(reward => (reward - mean) * (reward - mean)) / Math.Max(1, rewards.Length - 1));
    }
}
