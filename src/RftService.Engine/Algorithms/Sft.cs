using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Weights;
using RftService.Engine.Data;

namespace RftService.Engine.Algorithms;

/// <summary>Factor of an expert token's loss, a constant to the gradient; p is the policy's probability of the token.</summary>
public enum SftWeight
{
    /// <summary>1.</summary>
    One,

    /// <summary>p: dynamic fine-tuning (arXiv:2508.05629).</summary>
    Probability,

    /// <summary>p · (1 − p): CHORD's φ (arXiv:2508.11408).</summary>
    Uncertainty,
}

/// <summary>Options of supervised fine-tuning.</summary>
public sealed record SftOptions : AlgorithmOptions
{
    /// <summary>Factor of a token's loss.</summary>
    public SftWeight Weight { get; init; } = SftWeight.One;

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>Supervised fine-tuning: the log-likelihood of expert completions, prompts left out.</summary>
internal sealed class Sft(SftOptions options) : ComposedRule(Compose(options)), IAlgorithm<Sft, SftOptions>
{
    public static string Name => "sft";

    public static string Summary => "Supervised fine-tuning on expert completions; needs no reward.";

    public static string Paper => "arXiv:2203.02155";

    public override IReadOnlyList<DataKind> Accepts => [DataKind.Expert];

    public static Sft Create(SftOptions options) => new(options);

    private static Composition Compose(SftOptions options) => new()
    {
        Advantage = new UnitAdvantage(),
        Terms = [new() { Name = "sft", Loss = new ScoreLoss(), Weight = Weight(options.Weight), Reduction = options.Reduction }],
    };

    private static WeightSpec Weight(SftWeight weight) => weight switch
    {
        SftWeight.One => new UnitWeight(),
        SftWeight.Probability => new ProbabilityWeight(),
        SftWeight.Uncertainty => new UncertaintyWeight(),
    };
}
