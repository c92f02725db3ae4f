using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>Options of RED-Weight.</summary>
public sealed record RedWeightOptions : AlgorithmOptions
{
    /// <summary>The smaller, the more good completions outweigh bad ones.</summary>
    [Range(0.01, 1000.0)]
    public double Temperature { get; init; } = 1;

    /// <summary>Leaves out tokens whose ratio has moved too far; absent: none.</summary>
    public RatioGateSpec? Gate { get; init; }

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>
/// RED-Weight (arXiv:2509.24203) as Trinity-RFT has it: weight exp(A / temperature), not normalised, on the group-centered advantage.
/// The paper's form with a weighted baseline was not available to check and is not this one.
/// </summary>
internal sealed class RedWeight(RedWeightOptions options) : ComposedRule(Compose(options)), IAlgorithm<RedWeight, RedWeightOptions>
{
    public static string Name => "red-weight";

    public static string Summary => "Group-relative REINFORCE that weighs completions by the exponential of their advantage.";

    public static string Paper => "arXiv:2509.24203";

    public static RedWeight Create(RedWeightOptions options) => new(options);

    private static Composition Compose(RedWeightOptions options) => new()
    {
        Advantage = new CenterAdvantage(),
        Terms =
        [
            new()
            {
                Loss = new ScoreLoss { Gate = options.Gate },
                Weight = new AdvantageExpWeight { Temperature = options.Temperature },
                Reduction = options.Reduction,
            },
        ],
    };
}
