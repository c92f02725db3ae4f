using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of Dr.GRPO.</summary>
public sealed record DrGrpoOptions : AlgorithmOptions
{
    /// <summary>ε below.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>Divergence from the base model; absent: none, as in the paper.</summary>
    public KlOptions? Kl { get; init; }
}

/// <summary>
/// GRPO done right (Liu et al. 2025, arXiv:2503.20783): neither the group's deviation nor a completion's own length divides, since both
/// bias the gradient. The divisor is completions × `sampling.max_tokens`.
/// </summary>
internal sealed class DrGrpo(DrGrpoOptions options) : ComposedRule(Compose(options)), IAlgorithm<DrGrpo, DrGrpoOptions>
{
    public static string Name => "dr-grpo";

    public static string Summary => "GRPO without its two biases: no division by the group's deviation, a constant length as the divisor.";

    public static string Paper => "arXiv:2503.20783";

    public static DrGrpo Create(DrGrpoOptions options) => new(options);

    private static Composition Compose(DrGrpoOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Advantage = new CenterAdvantage(),
        Terms = new TermSpec
        {
            Loss = new ClipLoss { Low = options.ClipLow, High = options.ClipHigh },
            Reduction = LossReduction.FixedLength,
        }.With(options.Kl),
    };
}
