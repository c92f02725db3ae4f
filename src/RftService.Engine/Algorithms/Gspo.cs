using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of GSPO.</summary>
public sealed record GspoOptions : AlgorithmOptions
{
    /// <summary>ε below, of the length-normalised completion ratio. ScaleRL found 4e-3 to 5e-3 better than the paper's value.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 3e-4;

    /// <summary>ε above.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 4e-4;

    /// <summary>Divergence from the base model; absent: none.</summary>
    public KlOptions? Kl { get; init; }
}

/// <summary>
/// Group sequence policy optimisation (Zheng et al. 2025, arXiv:2507.18071): GRPO whose ratio belongs to the whole completion, to the power
/// 1/length, and is clipped as a whole.
/// </summary>
internal sealed class Gspo(GspoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Gspo, GspoOptions>
{
    public static string Name => "gspo";

    public static string Summary => "Group sequence policy optimisation: GRPO with one length-normalised ratio a completion.";

    public static string Paper => "arXiv:2507.18071";

    public static Gspo Create(GspoOptions options) => new(options);

    private static Composition Compose(GspoOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Advantage = new CenterStdAdvantage(),
        Terms = new TermSpec
        {
            Loss = new ClipLoss { Level = RatioLevel.SeqGeo, Low = options.ClipLow, High = options.ClipHigh },
            Reduction = LossReduction.CompletionMean,
        }.With(options.Kl),
    };
}
