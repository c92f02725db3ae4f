using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of REINFORCE++.</summary>
public sealed record ReinforcePlusPlusOptions : AlgorithmOptions
{
    /// <summary>Takes the group's mean off the rewards before whitening: REINFORCE++-baseline.</summary>
    public bool GroupBaseline { get; init; }

    /// <summary>ε below.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>Divergence from the base model; absent: none. The paper has k1 in the reward; with a group baseline k2 in the loss.</summary>
    public KlOptions? Kl { get; init; }
}

/// <summary>
/// REINFORCE++ (Hu et al. 2025, arXiv:2501.03262): each token's return, with a divergence from the base model taken off its reward, whitened
/// over all tokens of the batch; PPO's clipped surrogate; no critic.
/// </summary>
internal sealed class ReinforcePlusPlus(ReinforcePlusPlusOptions options)
    : ComposedRule(Compose(options)), IAlgorithm<ReinforcePlusPlus, ReinforcePlusPlusOptions>
{
    public static string Name => "reinforce-plus-plus";

    public static string Summary => "REINFORCE++: returns whitened over all tokens of the batch, a clipped ratio, no critic; group baseline or not.";

    public static string Paper => "arXiv:2501.03262";

    public static ReinforcePlusPlus Create(ReinforcePlusPlusOptions options) => new(options);

    internal static Composition Compose(ReinforcePlusPlusOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Advantage = new WhitenedAdvantage { GroupBaseline = options.GroupBaseline },
        Terms = new TermSpec { Loss = new ClipLoss { Low = options.ClipLow, High = options.ClipHigh } }.With(options.Kl),
    };
}
