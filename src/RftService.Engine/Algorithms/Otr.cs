using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Data;

namespace RftService.Engine.Algorithms;

/// <summary>Options of one-token rollout.</summary>
public sealed record OtrOptions : AlgorithmOptions
{
    /// <summary>K, tokens drawn at each position.</summary>
    [Range(1, 4096)]
    public int Draws { get; init; } = 256;

    /// <summary>κ, temperature that they are drawn with.</summary>
    [Range(0.01, 100.0)]
    public double DrawTemperature { get; init; } = 1.3;

    /// <summary>β, reward of a drawn token that is not the expert's, whose own is 1.</summary>
    [Range(-1.0, 1.0)]
    public double MissReward { get; init; } = -0.1;

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>
/// One-token rollout (Ming et al. 2025, arXiv:2509.26313): supervised fine-tuning as reinforcement. At each position of an expert completion
/// tokens are drawn from the policy, and those that are the expert's are rewarded. The loss is after a summary of the paper; the defaults of
/// K, κ and β are from memory, not checked against it.
/// </summary>
internal sealed class Otr(OtrOptions options) : ComposedRule(Compose(options)), IAlgorithm<Otr, OtrOptions>
{
    public static string Name => "otr";

    public static string Summary => "One-token rollout: at each position of an expert completion, tokens drawn from the policy are rewarded; needs no reward.";

    public static string Paper => "arXiv:2509.26313";

    public override IReadOnlyList<DataKind> Accepts => [DataKind.Expert];

    public DrawSpec Draws { get; } = new() { Count = options.Draws, Temperature = options.DrawTemperature };

    public static Otr Create(OtrOptions options) => new(options);

    private static Composition Compose(OtrOptions options) => new()
    {
        Advantage = new UnitAdvantage(),
        Terms = [new() { Loss = new OneTokenLoss { MissReward = options.MissReward }, Reduction = options.Reduction }],
    };
}
