using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Algorithms.Weights;
using RftService.Engine.Data;
using RftService.Engine.Native;

namespace RftService.Engine.Algorithms;

/// <summary>Factor of an expert token's loss, a constant to the gradient; p is the policy's probability of the token.</summary>
public enum ChordTokenWeight
{
    /// <summary>1: CHORD-µ.</summary>
    One,

    /// <summary>p. In the paper entropy collapses.</summary>
    Is,

    /// <summary>p · (1 − p): CHORD-φ.</summary>
    Phi,

    /// <summary>(1 − p) to the power of `focal_gamma`. In the paper it collapses.</summary>
    Focal,

    /// <summary>p, and 0 where p is above `is_clip`.</summary>
    IsClip,

    /// <summary>1 on the `entropy_share` of the step's expert tokens with the highest entropy, 0 on the others.</summary>
    Entropy,
}

/// <summary>Options of CHORD. The defaults are CHORD-φ; for CHORD-µ give `token_weight` `one` and `mu` as `warmup_cosine`.</summary>
public sealed record ChordOptions : AlgorithmOptions, IValidatableObject
{
    /// <summary>µ, weight of the expert loss; the rollouts' is 1 − µ. `reward_gap` is the paper's adaptive form.</summary>
    public ScheduleSpec Mu { get; init; } = new ConstantSchedule { Value = 0.1 };

    /// <summary>Factor of an expert token's loss.</summary>
    public ChordTokenWeight TokenWeight { get; init; } = ChordTokenWeight.Phi;

    /// <summary>Expert rows in each step; they are left out of a step in which µ is 0.</summary>
    [Range(1, 4096)]
    public int ExpertRowsPerStep { get; init; } = 32;

    /// <summary>γ of the weight `focal`.</summary>
    [Range(0.0, 100.0)]
    public double FocalGamma { get; init; } = 2;

    /// <summary>Largest p of the weight `is_clip`.</summary>
    [Range(0.0, 1.0)]
    public double IsClip { get; init; } = 0.4;

    /// <summary>Share of the expert tokens that the weight `entropy` keeps.</summary>
    [Range(0.0001, 1.0)]
    public double EntropyShare { get; init; } = 0.05;

    /// <summary>ε below of the rollouts' clipped ratio.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above of the rollouts' clipped ratio.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>Bounds the loss of tokens with a negative advantage at this multiple of it; absent, as in the paper: no bound (Trinity-RFT: 3).</summary>
    [Range(1.0, 1000.0)]
    public double? DualClip { get; init; }

    /// <summary>Added to the group's standard deviation.</summary>
    [Range(0.0, 1.0)]
    public double StdEpsilon { get; init; } = 1e-6;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Mu.Bounds is not { Least: >= 0, Most: <= 1 })
        {
            yield return new ValidationResult($"µ must stay between 0 and 1, got {Mu.Bounds.Least} to {Mu.Bounds.Most}", [nameof(Mu)]);
        }
    }
}

/// <summary>
/// CHORD (Zhang et al. 2025, arXiv:2508.11408): (1 − µ) · GRPO on rollouts + µ · likelihood of expert rows, in one update. Each loss is a mean
/// over its own tokens. φ is a constant to the gradient: where it is not, expert tokens with p below 0.2356 are pushed down.
/// The paper does not give the form of the `is_clip` weight; here it is p up to the limit. Nor does it say of which tokens `entropy` keeps its
/// share; here of the step's expert tokens.
/// </summary>
internal sealed class Chord(ChordOptions options) : ComposedRule(Compose(options)), IAlgorithm<Chord, ChordOptions>
{
    public static string Name => "chord";

    public static string Summary => "Rollouts and expert rows in one update: GRPO and a weighted likelihood of the experts, mixed by a schedule.";

    public static string Paper => "arXiv:2508.11408";

    public override IReadOnlyList<DataKind> Accepts => [DataKind.Prompts];

    public bool NeedsExperts => true;

    public static Chord Create(ChordOptions options) => new(options);

    public int ExpertRows(int step, double meanReward) => options.Mu.At(step, meanReward) > 0 ? options.ExpertRowsPerStep : 0;

    public override IReadOnlyList<AlgorithmMetric> Measure(PolicyBatch batch)
    {
        IReadOnlyList<AlgorithmMetric> metrics = [.. base.Measure(batch), new("chord/mu", options.Mu.At(batch.Step, batch.MeanReward), 1)];
        if (batch.Source != RowSource.Experts)
        {
            return metrics;
        }

        var probability = (batch.LogProbs * batch.Mask).exp();                                  // [B, T]
        return
        [
            .. metrics,
            batch.TokenMean("chord/phi_mean", new UncertaintyWeight().Of(batch)),
            batch.TokenMean("expert/probability_mean", probability),
            batch.TokenMean("expert/probability_below_tenth_share", probability < Constant.Of(0.1)),
            batch.TokenMean("expert/probability_above_nine_tenths_share", probability > Constant.Of(0.9)),
        ];
    }

    private static Composition Compose(ChordOptions options) => new()
    {
        Advantage = new CenterStdAdvantage { Epsilon = options.StdEpsilon },
        Terms =
        [
            new()
            {
                Loss = new ClipLoss { Low = options.ClipLow, High = options.ClipHigh, Dual = options.DualClip },
                Coefficient = new ComplementSchedule(options.Mu),
            },
            new() { Name = "sft", Loss = new ImitationLoss(), Weight = Weight(options), Coefficient = options.Mu, Source = RowSource.Experts },
        ],
    };

    private static WeightSpec Weight(ChordOptions options) => options.TokenWeight switch
    {
        ChordTokenWeight.One => new UnitWeight(),
        ChordTokenWeight.Is => new ProbabilityWeight(),
        ChordTokenWeight.Phi => new UncertaintyWeight(),
        ChordTokenWeight.Focal => new FocalWeight { Gamma = options.FocalGamma },
        ChordTokenWeight.IsClip => new ProbabilityWeight { DropAbove = options.IsClip },
        ChordTokenWeight.Entropy => new EntropyWeight { Share = options.EntropyShare },
    };
}
