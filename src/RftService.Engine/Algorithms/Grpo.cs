using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of GRPO.</summary>
public sealed record GrpoOptions : AlgorithmOptions
{
    /// <summary>ε below: a token ratio under 1 − ε gives no further push down.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above: a token ratio over 1 + ε gives no further push up.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>Bounds the loss of tokens with a negative advantage at this multiple of it (dual clip); absent: no bound.</summary>
    [Range(1.0, 1000.0)]
    public double? DualClip { get; init; }

    /// <summary>Divides centered rewards by the group's sample standard deviation; false: only centers them.</summary>
    public bool NormalizeStd { get; init; } = true;

    /// <summary>Added to the standard deviation.</summary>
    [Range(0.0, 1.0)]
    public double StdEpsilon { get; init; } = 1e-6;

    /// <summary>Leaves prompts whose grades are all equal out of loss and divisors; the paper keeps them.</summary>
    public bool DropZeroVariance { get; init; }

    /// <summary>Divergence from the base model; absent: none. The paper has β 0.04 with k3 in the loss.</summary>
    public KlOptions? Kl { get; init; }

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.CompletionMean;
}

/// <summary>
/// Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300): rewards are compared within the group of a prompt,
/// the loss is PPO's clipped surrogate, and a divergence from the base model may be added.
/// </summary>
internal sealed class Grpo(GrpoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Grpo, GrpoOptions>
{
    public static string Name => "grpo";

    public static string Summary => "Group relative policy optimisation: compares the completions of a prompt with each other, with a clipped ratio.";

    public static string Paper => "arXiv:2402.03300";

    public static Grpo Create(GrpoOptions options) => new(options);

    private static Composition Compose(GrpoOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Filters = new() { DropZeroVariance = options.DropZeroVariance },
        Advantage = options.NormalizeStd ? new CenterStdAdvantage { Epsilon = options.StdEpsilon } : new CenterAdvantage(),
        Terms = new TermSpec
        {
            Loss = new ClipLoss { Low = options.ClipLow, High = options.ClipHigh, Dual = options.DualClip },
            Reduction = options.Reduction,
        }.With(options.Kl),
    };
}
