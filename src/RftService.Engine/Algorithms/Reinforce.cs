using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>Options of REINFORCE.</summary>
public sealed record ReinforceOptions : AlgorithmOptions
{
    /// <summary>How a grade becomes the reward.</summary>
    public RewardScale RewardScale { get; init; } = RewardScale.AsIs;

    /// <summary>How rewards become advantages.</summary>
    public AdvantageSpec Advantage { get; init; } = new CenterAdvantage();

    /// <summary>Factor of a token's loss: 1 is naive off-policy, a ratio is importance sampling.</summary>
    public WeightSpec Weight { get; init; } = new UnitWeight();

    /// <summary>Learns only from completions with a positive advantage.</summary>
    public bool PositivesOnly { get; init; }

    /// <summary>Divergence from the base model; absent: none.</summary>
    public KlOptions? Kl { get; init; }

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.CompletionMean;
}

/// <summary>REINFORCE (Williams 1992): −w · A · log πθ, with the advantage and the weight of choice.</summary>
internal sealed class Reinforce(ReinforceOptions options) : ComposedRule(Compose(options)), IAlgorithm<Reinforce, ReinforceOptions>
{
    public static string Name => "reinforce";

    public static string Summary => "The plain policy gradient, with advantage and importance weight of choice; positives only, if wanted.";

    public static string Paper => "doi:10.1007/BF00992696";

    public static Reinforce Create(ReinforceOptions options) => new(options);

    private static Composition Compose(ReinforceOptions options) => new()
    {
        Rewards = new() { Scale = options.RewardScale, Kl = options.Kl.InReward() },
        Filters = new() { MinAdvantage = options.PositivesOnly ? 0 : null },
        Advantage = options.Advantage,
        Terms = new TermSpec { Loss = new ScoreLoss(), Weight = options.Weight, Reduction = options.Reduction }.With(options.Kl),
    };
}
