using System.ComponentModel.DataAnnotations;
using RftService.Engine.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms;

/// <summary>Options of TOPR. The defaults are the paper's canonical form.</summary>
public sealed record ToprOptions : AlgorithmOptions, IValidatableObject
{
    /// <summary>What the importance ratio belongs to: the whole completion (the paper), its length-normalised form, or each token.</summary>
    public RatioLevel RatioLevel { get; init; } = RatioLevel.SeqSum;

    /// <summary>Limits of the ratio on completions whose advantage is 0 or more; [1, 1] imitates them with weight 1.</summary>
    public TaperSpec PositiveTaper { get; init; } = new() { Lower = 1, Upper = 1 };

    /// <summary>Limits of the ratio on completions with a negative advantage. A lower limit above 0 lets the loss fall without bound.</summary>
    public TaperSpec NegativeTaper { get; init; } = new() { Lower = 0, Upper = 1 };

    /// <summary>How a grade becomes the reward R. With grades of 0 and 1 taken as they are, bad completions would teach nothing.</summary>
    public RewardScale RewardScale { get; init; } = RewardScale.UnitToSigned;

    /// <summary>c, subtracted from R: below 0 good completions count more, above 0 bad ones. -1 with signed rewards learns from good ones only.</summary>
    [Range(-100.0, 100.0)]
    public double Baseline { get; init; }

    /// <summary>How the step is averaged. `completion_mean` divides each completion by its length, `completion_sum` does not.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.CompletionMean;

    /// <summary>Keeps only the first so many completions with R above 0 of each prompt; absent: all.</summary>
    [Range(1, 1024)]
    public int? MaxPositivesPerPrompt { get; init; }

    /// <summary>Keeps only the first so many completions with R of 0 or less of each prompt; absent: all.</summary>
    [Range(0, 1024)]
    public int? MaxNegativesPerPrompt { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, taper) in new[] { (nameof(PositiveTaper), PositiveTaper), (nameof(NegativeTaper), NegativeTaper) })
        {
            if (taper.Lower is not (>= 0 and <= 1e6) || taper.Upper is not (null or (>= 0 and <= 1e6)))
            {
                yield return new ValidationResult("limits must be between 0 and 1000000", [name]);
            }
            else if (taper.Lower > taper.Upper)
            {
                yield return new ValidationResult($"lower ({taper.Lower}) must not exceed upper ({taper.Upper})", [name]);
            }
        }
    }
}

/// <summary>Limits of an importance ratio.</summary>
public sealed record TaperSpec
{
    /// <summary>Smallest weight.</summary>
    public required double Lower { get; init; }

    /// <summary>Largest weight; absent: no limit.</summary>
    public double? Upper { get; init; }
}

/// <summary>What an importance ratio belongs to.</summary>
public enum RatioLevel
{
    /// <summary>πθ(y|x) / μ(y|x) of the whole completion.</summary>
    SeqSum,

    /// <summary>The same to the power 1/length: hardly ever near 0, so it tapers little.</summary>
    SeqGeo,

    /// <summary>Each token has its own.</summary>
    Token,
}

/// <summary>How a grade becomes a reward.</summary>
public enum RewardScale
{
    /// <summary>2·grade − 1: grades from 0 to 1 become rewards from −1 to +1.</summary>
    UnitToSigned,

    /// <summary>The grade itself.</summary>
    AsIs,
}

/// <summary>
/// Tapered off-policy REINFORCE (Le Roux et al. 2025, arXiv:2503.14286): good completions are imitated with weight 1, bad ones
/// are unlearned with the ratio πθ(y|x)/μ(y|x) truncated to [0, 1], so that what the policy no longer says is left alone.
/// The limits give its relatives: naive REINFORCE (all 1), truncated IS (both [0, 1]), full IS (both [0, ∞)).
/// </summary>
internal sealed class Topr(ToprOptions options) : IAlgorithm<Topr, ToprOptions>
{
    public static string Name => "topr";

    public static string Summary => "Tapered off-policy REINFORCE: imitates good completions and unlearns bad ones with a truncated importance ratio.";

    public static string Paper => "arXiv:2503.14286";

    public IReadOnlyList<DataKind> Accepts => [DataKind.Prompts, DataKind.Rollouts];

    public bool NeedsReference => false;

    public static Topr Create(ToprOptions options) => new(options);

    public bool AssignCredit(ReadOnlySpan<float> rewards, Span<float> advantages)
    {
        var (positives, negatives) = (0, 0);
        for (var i = 0; i < rewards.Length; i++)
        {
            var reward = options.RewardScale == RewardScale.UnitToSigned ? (2.0 * rewards[i]) - 1.0 : rewards[i];
            var kept = reward > 0
                ? positives++ < (options.MaxPositivesPerPrompt ?? int.MaxValue)
                : negatives++ < (options.MaxNegativesPerPrompt ?? int.MaxValue);
            advantages[i] = kept ? (float)(reward - options.Baseline) : float.NaN;
        }

        return true; // an advantage of 0 teaches nothing, but counts in the average as the paper has it
    }

    public IReadOnlyList<LossTerm> Loss(PolicyBatch batch)
    {
        var advantages = batch.Advantages.unsqueeze(1);                                 // [B, 1]
        var perToken = -Weight(batch) * advantages * batch.LogProbs * batch.Mask;       // [B, T]
        return [new LossTerm("policy", perToken, Weight: 1.0, options.Reduction)];
    }

    public IReadOnlyList<AlgorithmMetric> Measure(PolicyBatch batch)
    {
        var lengths = batch.Mask.sum(1).clamp_min(1);                                   // [B]
        var weight = (Weight(batch) * batch.Mask).sum(1) / lengths;                     // [B]
        var negative = (batch.Advantages < 0).to_type(weight.dtype);                    // [B]
        var upper = options.NegativeTaper.Upper ?? double.PositiveInfinity;
        var (rows, negatives) = ((double)negative.shape[0], negative.sum().ToDouble());
        return
        [
            new("topr/positive_share", rows - negatives, rows),
            new("topr/negative_weight_mean", (weight * negative).sum().ToDouble(), negatives),
            new("topr/dead_negatives_share", ((weight < 0.01) * negative).sum().ToDouble(), negatives),
            new("topr/capped_negatives_share", ((weight >= upper) * negative).sum().ToDouble(), negatives),
        ];
    }

    /// <summary>α, a constant to the gradient: [B, 1], or [B, T] with a ratio for each token.</summary>
    private Tensor Weight(PolicyBatch batch)
    {
        var logRatios = (batch.LogProbs.detach() - batch.BehaviorLogProbs) * batch.Mask; // [B, T]
        var logRatio = options.RatioLevel switch
        {
            RatioLevel.SeqSum => logRatios.sum(1, keepdim: true),
            RatioLevel.SeqGeo => logRatios.sum(1, keepdim: true) / batch.Mask.sum(1, keepdim: true).clamp_min(1),
            RatioLevel.Token => logRatios,
        };
        return where(batch.Advantages.unsqueeze(1) >= 0, Taper(logRatio, options.PositiveTaper), Taper(logRatio, options.NegativeTaper));
    }

    /// <summary>Truncated in log space, so a long completion cannot overflow before the limit is applied.</summary>
    private static Tensor Taper(Tensor logRatio, TaperSpec taper) =>
        taper.Lower == taper.Upper
            ? full_like(logRatio, taper.Lower)
            : logRatio.clamp_max(taper.Upper is { } upper ? Math.Log(upper) : Ratio.MaxLog).exp().clamp_min(taper.Lower);
}
