using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of PPO without a critic.</summary>
public sealed record PpoOptions : AlgorithmOptions
{
    /// <summary>How rewards become advantages.</summary>
    public AdvantageSpec Advantage { get; init; } = new CenterStdAdvantage();

    /// <summary>What the clipped ratio belongs to.</summary>
    public RatioLevel RatioLevel { get; init; } = RatioLevel.Token;

    /// <summary>ε below.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>Bounds the loss of tokens with a negative advantage at this multiple of it (dual clip, arXiv:1912.09729); null: no bound.</summary>
    [Range(1.0, 1000.0)]
    public double? DualClip { get; init; } = 3;

    /// <summary>Divergence from the base model; absent: none.</summary>
    public KlOptions? Kl { get; init; }

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>Proximal policy optimisation's clipped surrogate (Schulman et al. 2017, arXiv:1707.06347) on advantages made without a critic.</summary>
internal sealed class Ppo(PpoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Ppo, PpoOptions>
{
    public static string Name => "ppo";

    public static string Summary => "PPO's clipped surrogate with dual clip, on advantages estimated without a critic.";

    public static string Paper => "arXiv:1707.06347";

    public static Ppo Create(PpoOptions options) => new(options);

    private static Composition Compose(PpoOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Advantage = options.Advantage,
        Terms = new TermSpec
        {
            Loss = new ClipLoss { Level = options.RatioLevel, Low = options.ClipLow, High = options.ClipHigh, Dual = options.DualClip },
            Reduction = options.Reduction,
        }.With(options.Kl),
    };
}
