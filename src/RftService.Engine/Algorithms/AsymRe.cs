using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of AsymRE.</summary>
public sealed record AsymReOptions : AlgorithmOptions
{
    /// <summary>δ, added to the group's mean to give the baseline. Below 0 it adds −δ · imitation of all completions.</summary>
    [Range(-100.0, 100.0)]
    public double Shift { get; init; } = -0.1;

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>
/// Asymmetric REINFORCE (arXiv:2506.20520): off-policy REINFORCE without a ratio whose baseline lies below the group's mean. It is the same
/// as a forward-KL term towards the data (arXiv:2509.24203).
/// </summary>
internal sealed class AsymRe(AsymReOptions options) : ComposedRule(Compose(options)), IAlgorithm<AsymRe, AsymReOptions>
{
    public static string Name => "asym-re";

    public static string Summary => "Off-policy REINFORCE without a ratio; a baseline below the group's mean keeps it stable.";

    public static string Paper => "arXiv:2506.20520";

    public static AsymRe Create(AsymReOptions options) => new(options);

    private static Composition Compose(AsymReOptions options) => new()
    {
        Advantage = new CenterAdvantage { Shift = options.Shift },
        Terms = [new() { Loss = new ScoreLoss(), Reduction = options.Reduction }],
    };
}
