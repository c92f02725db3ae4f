using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Data;

namespace RftService.Engine.Algorithms;

/// <summary>Options of SPEAR. The defaults are those of the authors' code where nothing else is said.</summary>
public sealed record SpearOptions : AlgorithmOptions
{
    /// <summary>Completions kept at most.</summary>
    [Range(1, 100_000)]
    public int ReplayCapacity { get; init; } = 2048;

    /// <summary>Steps after which a kept completion is dropped.</summary>
    [Range(1, 10_000)]
    public int ReplayMaxAge { get; init; } = 10;

    /// <summary>Only completions with a larger advantage (reward less the group's mean) are kept. The authors' code has 1, on larger rewards.</summary>
    [Range(0.0, 1e6)]
    public double ReplayMinAdvantage { get; init; }

    /// <summary>Kept completions that a step learns from again; our choice.</summary>
    [Range(1, 4096)]
    public int ReplayRowsPerStep { get; init; } = 32;

    /// <summary>Latest groups whose median mean reward is the baseline of replayed rewards.</summary>
    [Range(1, 100_000)]
    public int BaselineGroups { get; init; } = 10_240;

    /// <summary>Weight of the replayed completions' loss at the end of the ramp.</summary>
    [Range(0.0, 100.0)]
    public double ReplayWeight { get; init; } = 1;

    /// <summary>Steps in which that weight grows from 0, along half a cosine; 0: at once.</summary>
    [Range(0, 1_000_000)]
    public int RampSteps { get; init; } = 200;

    /// <summary>ε below of the clipped ratio.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above of the clipped ratio.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.28;

    /// <summary>Keeps only this share of the prompts, those whose rewards vary most; null: all.</summary>
    [Range(0.001, 1.0)]
    public double? TopSpreadShare { get; init; } = 0.75;

    /// <summary>Leaves out completions cut at the token limit.</summary>
    public bool DropTruncated { get; init; } = true;

    /// <summary>Leaves out some tokens that take entropy away, at the price of one more forward pass an update; null: none.</summary>
    public CovarianceGate? Covariance { get; init; } = new();
}

/// <summary>
/// SPEAR (arXiv:2509.22601): a policy gradient without a reference or a division by the spread, and good completions of earlier steps learned
/// again beside it, their advantage measured against the median of the latest groups. From the authors' code; left out are its bonus for tool
/// calls and its filters for unreadable text (a grader can do both), and replayed tokens pass no covariance gate.
/// </summary>
internal sealed class Spear(SpearOptions options) : ComposedRule(Compose(options)), IAlgorithm<Spear, SpearOptions>
{
    public static string Name => "spear";

    public static string Summary => "Self-imitation: good completions of earlier steps are learned again beside the rollouts, more and more.";

    public static string Paper => "arXiv:2509.22601";

    public override IReadOnlyList<DataKind> Accepts => [DataKind.Prompts];

    public ReplaySpec Replay { get; } = new SelfImitation
    {
        Capacity = options.ReplayCapacity,
        MaxAge = options.ReplayMaxAge,
        MinAdvantage = options.ReplayMinAdvantage,
        RowsPerStep = options.ReplayRowsPerStep,
        BaselineGroups = options.BaselineGroups,
    };

    public static Spear Create(SpearOptions options) => new(options);

    public override IReadOnlyList<AlgorithmMetric> Measure(PolicyBatch batch) => batch.Source == RowSource.Replay
        ? [.. base.Measure(batch), batch.TokenMean("replay/ratio_mean", Ratio.Of(batch, RatioLevel.Token))]
        : base.Measure(batch);

    private static Composition Compose(SpearOptions options) => new()
    {
        Filters = new() { DropTruncated = options.DropTruncated, TopSpreadShare = options.TopSpreadShare },
        Advantage = new CenterAdvantage(),
        Terms =
        [
            new()
            {
                Loss = new ClipLoss { Low = options.ClipLow, High = options.ClipHigh, Covariance = options.Covariance },
                Reduction = LossReduction.FixedLength,
            },
            new()
            {
                Name = "replay",
                Loss = new ClipLoss { Low = options.ClipLow, High = options.ClipHigh },
                Coefficient = new CosineRampSchedule { Weight = options.ReplayWeight, Steps = options.RampSteps },
                Reduction = LossReduction.FixedLength,
                Source = RowSource.Replay,
            },
        ],
    };
}
