using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of BAPO. The defaults are those of the authors' code; the paper has 0.6 to 0.9, 1.2 to 3.0 and a share of 0.4.</summary>
public sealed record BapoOptions : AlgorithmOptions, IValidatableObject
{
    /// <summary>Lower bound of the ratio where the search begins.</summary>
    [Range(0.0, 1.0)]
    public double LowStart { get; init; } = 0.6;

    /// <summary>Largest lower bound.</summary>
    [Range(0.0, 1.0)]
    public double LowLimit { get; init; } = 0.8;

    /// <summary>Upper bound of the ratio where the search begins.</summary>
    [Range(1.0, 100.0)]
    public double HighStart { get; init; } = 1.2;

    /// <summary>Largest upper bound.</summary>
    [Range(1.0, 100.0)]
    public double HighLimit { get; init; } = 2.0;

    /// <summary>Pace of the search.</summary>
    [Range(0.001, 1.0)]
    public double Pace { get; init; } = 0.05;

    /// <summary>Contribution of good tokens by that of bad ones at which the search ends; a share s of all is the target s / (1 − s).</summary>
    [Range(0.0, 1000.0)]
    public double Target { get; init; } = 1;

    /// <summary>Weighs contributions by the behavior policy's probability, as the paper writes it; the authors' code does not.</summary>
    public bool WeighByBehavior { get; init; }

    /// <summary>Bounds the loss where the advantage is negative at this multiple of it (dual clip); null: no bound.</summary>
    [Range(1.0, 1000.0)]
    public double? DualClip { get; init; } = 3;

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Loss.Validate(validationContext);

    internal AdaptiveClipLoss Loss => new()
    {
        LowStart = LowStart,
        LowLimit = LowLimit,
        HighStart = HighStart,
        HighLimit = HighLimit,
        Pace = Pace,
        Target = Target,
        WeighByBehavior = WeighByBehavior,
        Dual = DualClip,
    };
}

/// <summary>
/// Balanced policy optimisation with adaptive clipping (arXiv:2510.18927): GRPO's advantages, and in each step the clip bounds are widened
/// until good tokens contribute their share. The bounds start anew in every step.
/// </summary>
internal sealed class Bapo(BapoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Bapo, BapoOptions>
{
    public static string Name => "bapo";

    public static string Summary => "PPO-clip whose bounds are widened in each step until good tokens contribute their share.";

    public static string Paper => "arXiv:2510.18927";

    public static Bapo Create(BapoOptions options) => new(options);

    private static Composition Compose(BapoOptions options) => new()
    {
        Advantage = new CenterStdAdvantage(),
        Terms = [new() { Loss = options.Loss, Reduction = options.Reduction }],
    };
}
