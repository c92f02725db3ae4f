using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of RED-Drop.</summary>
public sealed record RedDropOptions : AlgorithmOptions
{
    /// <summary>Leaves out tokens whose ratio has moved too far; absent: none.</summary>
    public RatioGateSpec? Gate { get; init; }

    /// <summary>How the step is averaged. Dropped completions still count in the divisor, as in Trinity-RFT.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>RED-Drop (arXiv:2509.24203): drops random completions below the group's mean until they no longer outnumber the others.</summary>
internal sealed class RedDrop(RedDropOptions options) : ComposedRule(Compose(options)), IAlgorithm<RedDrop, RedDropOptions>
{
    public static string Name => "red-drop";

    public static string Summary => "Group-relative REINFORCE that drops surplus completions below the group's mean.";

    public static string Paper => "arXiv:2509.24203";

    public static RedDrop Create(RedDropOptions options) => new(options);

    private static Composition Compose(RedDropOptions options) => new()
    {
        Advantage = new BalancedAdvantage(),
        Terms = [new() { Loss = new ScoreLoss { Gate = options.Gate }, Reduction = options.Reduction }],
    };
}
