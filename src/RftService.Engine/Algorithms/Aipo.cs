using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>Options of AIPO.</summary>
public sealed record AipoOptions : AlgorithmOptions
{
    /// <summary>Largest weight of a token: the ratio itself, 2 to 10 in the paper.</summary>
    [Range(1.0, 1000.0)]
    public double RatioCap { get; init; } = 4;

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>Asynchronous importance-weighted optimisation (LlamaRL, arXiv:2505.24034): REINFORCE with a one-sided truncated token ratio.</summary>
internal sealed class Aipo(AipoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Aipo, AipoOptions>
{
    public static string Name => "aipo";

    public static string Summary => "LlamaRL's loss for asynchronous training: REINFORCE with a token ratio truncated from above.";

    public static string Paper => "arXiv:2505.24034";

    public static Aipo Create(AipoOptions options) => new(options);

    private static Composition Compose(AipoOptions options) => new()
    {
        Advantage = new CenterAdvantage(),
        Terms = [new() { Loss = new ScoreLoss(), Weight = new RatioWeight { Upper = options.RatioCap }, Reduction = options.Reduction }],
    };
}
