using System.ComponentModel.DataAnnotations;
using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>PPO's clipped surrogate max(−ρA, −clip(ρ)A) (arXiv:1707.06347); with the ratio `seq_geo` that of GSPO (arXiv:2507.18071).</summary>
public sealed record ClipLoss : LossSpec
{
    /// <summary>What the ratio belongs to.</summary>
    public RatioLevel Level { get; init; } = RatioLevel.Token;

    /// <summary>ε below: a ratio under 1 − ε gives no further push down.</summary>
    [Range(0.0, 1.0)]
    public double Low { get; init; } = 0.2;

    /// <summary>ε above: a ratio over 1 + ε gives no further push up.</summary>
    [Range(0.0, 100.0)]
    public double High { get; init; } = 0.2;

    /// <summary>Bounds the loss where the advantage is negative at this multiple of it (dual clip); absent: no bound.</summary>
    [Range(1.0, 1000.0)]
    public double? Dual { get; init; }

    internal override Tensor PerToken(PolicyBatch batch)
    {
        var advantages = batch.Advantages;                                                      // [B, 1] or [B, T]
        var ratio = Ratio.Of(batch, Level);                                                     // [B, T] or [B, 1]
        var loss = maximum(-ratio * advantages, -ratio.clamp(Constant.Of(1 - Low), Constant.Of(1 + High)) * advantages);
        return Dual is { } bound ? where(advantages < Constant.Of(0), minimum(loss, advantages * Constant.Of(-bound)), loss) : loss;
    }

    internal override IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch)
    {
        var (ratio, advantages) = (Ratio.Of(batch, Level), batch.Advantages);

        // Clipped is only what loses its gradient: too likely and good, or too unlikely and bad.
        yield return batch.TokenMean("ratio/clipped_high_share", (ratio > Constant.Of(1 + High)).logical_and(advantages > Constant.Of(0)));
        yield return batch.TokenMean("ratio/clipped_low_share", (ratio < Constant.Of(1 - Low)).logical_and(advantages < Constant.Of(0)));
        if (Dual is { } bound)
        {
            yield return batch.TokenMean("ratio/clipped_dual_share", (ratio > Constant.Of(bound)).logical_and(advantages < Constant.Of(0)));
        }
    }
}
