using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>Options of CISPO.</summary>
public sealed record CispoOptions : AlgorithmOptions
{
    /// <summary>Largest weight of a token: the ratio itself, as TRL's `epsilon_high`. verl, Trinity and ROLL write it as a distance from 1.</summary>
    [Range(1.0, 1000.0)]
    public double RatioCap { get; init; } = 5;

    /// <summary>Smallest weight of a token.</summary>
    [Range(0.0, 1.0)]
    public double RatioFloor { get; init; }

    /// <summary>Divergence from the base model; absent: none, as in the paper.</summary>
    public KlOptions? Kl { get; init; }

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>
/// Clipped importance sampling policy optimisation (MiniMax-M1 2025, arXiv:2506.13585): the token ratio is capped and detached, so no token
/// ever loses its gradient. Trinity-RFT's further mask drops the very tokens that this is to keep and is left out here.
/// </summary>
internal sealed class Cispo(CispoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Cispo, CispoOptions>
{
    public static string Name => "cispo";

    public static string Summary => "REINFORCE with a capped token ratio as the weight: no token loses its gradient.";

    public static string Paper => "arXiv:2506.13585";

    public static Cispo Create(CispoOptions options) => new(options);

    private static Composition Compose(CispoOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Advantage = new CenterStdAdvantage(),
        Terms = new TermSpec
        {
            Loss = new ScoreLoss(),
            Weight = new RatioWeight { Lower = options.RatioFloor, Upper = options.RatioCap },
            Reduction = options.Reduction,
        }.With(options.Kl),
    };
}
