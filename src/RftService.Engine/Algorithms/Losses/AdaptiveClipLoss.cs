using System.ComponentModel.DataAnnotations;
using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>
/// A clipped surrogate whose ratio bounds are searched anew in every step until good tokens contribute enough (BAPO, arXiv:2510.18927).
/// The search is that of the authors' code: first the lower bound is raised to its limit, then the upper one, in equal paces,
/// until Σ|loss| over good tokens / Σ|loss| over bad ones reaches the target.
/// </summary>
public sealed record AdaptiveClipLoss : LossSpec, IValidatableObject
{
    private static readonly string[] Lows = [nameof(LowStart)];
    private static readonly string[] Highs = [nameof(HighStart)];

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

    /// <summary>Bounds the loss where the advantage is negative at this multiple of it (dual clip); absent: no bound.</summary>
    [Range(1.0, 1000.0)]
    public double? Dual { get; init; } = 3;

    internal override int SurveyWidth => 2;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (LowStart > LowLimit)
        {
            yield return new ValidationResult($"low_start ({LowStart}) must not exceed low_limit ({LowLimit})", Lows);
        }

        if (HighStart > HighLimit)
        {
            yield return new ValidationResult($"high_start ({HighStart}) must not exceed high_limit ({HighLimit})", Highs);
        }
    }

    /// <summary>The bounds found, the same for every completion.</summary>
    internal override IReadOnlyList<double[]> Survey(IReadOnlyList<SurveyedCompletion> step)
    {
        var tokens = step.SelectMany(completion => completion.LogProbs.Select((logProb, t) => (
            Ratio: Math.Exp(Math.Clamp(logProb - completion.BehaviorLogProbs[t], -Ratio.MaxLog, Ratio.MaxLog)),
            Advantage: completion.Advantages[t],
            Weight: WeighByBehavior ? Math.Exp(completion.BehaviorLogProbs[t]) : 1.0))).ToArray();
        var (low, high) = (LowStart, HighStart);
        while (Balance() < Target && (low < LowLimit || high < HighLimit))
        {
            (low, high) = low < LowLimit ? (Up(low, LowLimit), high) : (low, Up(high, HighLimit));
        }

        return [.. step.Select(_ => new[] { low, high })];

        double Up(double bound, double limit) => bound + Pace > limit - 1e-9 ? limit : bound + Pace; // paces of 0.05 do not add up exactly

        double Balance()
        {
            var good = tokens.Where(token => token.Advantage > 0).Sum(token => token.Weight * token.Advantage * Math.Min(token.Ratio, high));
            var bad = tokens.Where(token => token.Advantage < 0).Sum(token => token.Weight * -token.Advantage * Math.Max(token.Ratio, low));
            return bad > 0 ? good / bad : double.PositiveInfinity;
        }
    }

    internal override Tensor PerToken(PolicyBatch batch)
    {
        var (advantages, ratio) = (batch.Advantages, Ratio.Of(batch, RatioLevel.Token));        // [B, 1] or [B, T], [B, T]
        var (low, high) = Bounds(batch);
        var loss = -advantages * where(advantages >= Constant.Of(0), minimum(ratio, high), maximum(ratio, low));
        return Dual is { } bound ? where(advantages < Constant.Of(0), minimum(loss, advantages * Constant.Of(-bound)), loss) : loss;
    }

    internal override IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch)
    {
        var (advantages, ratio) = (batch.Advantages, Ratio.Of(batch, RatioLevel.Token));        // [B, 1] or [B, T], [B, T]
        var ((low, high), rows) = (Bounds(batch), batch.Mask.shape[0]);
        var contributions = PerToken(batch).abs() * batch.Mask;                                 // [B, T]
        return
        [
            new("bapo/low", low.Total(), rows),
            new("bapo/high", high.Total(), rows),
            new("bapo/positive_contribution_share", (contributions * (advantages > Constant.Of(0))).Total(), contributions.Total()),
            batch.TokenMean("ratio/clipped_high_share", (ratio > high).logical_and(advantages > Constant.Of(0))),
            batch.TokenMean("ratio/clipped_low_share", (ratio < low).logical_and(advantages < Constant.Of(0))),
        ];
    }

    private static (Tensor Low, Tensor High) Bounds(PolicyBatch batch) =>
        (batch.Survey!.narrow(1, 0, 1), batch.Survey.narrow(1, 1, 1));                          // [B, 1] each
}
