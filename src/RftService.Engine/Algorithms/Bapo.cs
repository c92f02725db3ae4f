using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of BAPO. The defaults are those of the authors' code; the paper has 0.6 to 0.9, 1.2 to 3.0 and a share of 0.4.</summary>
public sealed record BapoOptions : AlgorithmOptions
{
    /// <summary>The clip and its search.</summary>
    public AdaptiveClipLoss Clip { get; init; } = new();

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>
/// Balanced policy optimisation with adaptive clipping (arXiv:2510.18927): GRPO's advantages, and in each step the clip bounds are widened
/// until good tokens contribute their share. The bounds start anew in every step.
/// </summary>
internal sealed class Bapo(BapoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Bapo, BapoOptions>
{
    public static string Name => "bapo";

    public static string Summary => "PPO-clip whose bounds are widened in each step until good tokens contribute their share.";

    public static string Paper => "arXiv:2510.18927";

    public static Bapo Create(BapoOptions options) => new(options);

    private static Composition Compose(BapoOptions options) => new()
    {
        Advantage = new CenterStdAdvantage(),
        Terms = [new() { Loss = options.Clip, Reduction = options.Reduction }],
    };
}
