using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of RLOO.</summary>
public sealed record RlooOptions : AlgorithmOptions
{
    /// <summary>Divergence from the base model; absent: none. The paper has k1 in the reward.</summary>
    public KlOptions? Kl { get; init; }

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.CompletionSum;
}

/// <summary>REINFORCE leave-one-out (Ahmadian et al. 2024, arXiv:2402.14740): the baseline of a completion is the mean of the others.</summary>
internal sealed class Rloo(RlooOptions options) : ComposedRule(Compose(options)), IAlgorithm<Rloo, RlooOptions>
{
    public static string Name => "rloo";

    public static string Summary => "REINFORCE whose baseline is the mean reward of the prompt's other completions.";

    public static string Paper => "arXiv:2402.14740";

    public static Rloo Create(RlooOptions options) => new(options);

    private static Composition Compose(RlooOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Advantage = new LeaveOneOutAdvantage(),
        Terms = new TermSpec { Loss = new ScoreLoss(), Reduction = options.Reduction }.With(options.Kl),
    };
}
