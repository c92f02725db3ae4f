using System.ComponentModel.DataAnnotations;
using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>Which tokens a gate lets through.</summary>
public enum RatioGateShape
{
    /// <summary>Good tokens with ρ ≤ 1 + high, bad ones with ρ ≥ 1 − low: what PPO's clip leaves a gradient.</summary>
    OneSide,

    /// <summary>1 − low ≤ ρ ≤ 1 + high, whatever the advantage.</summary>
    TwoSide,

    /// <summary>Two-sided, and also good tokens with ρ ≤ 1 − outer_low and bad ones with ρ ≥ 1 + outer_high: they pull the policy back.</summary>
    Ring,
}

/// <summary>Limits of the token ratio ρ outside of which a token teaches nothing (REC, arXiv:2509.24203).</summary>
public sealed record RatioGateSpec
{
    /// <summary>Which tokens pass.</summary>
    public RatioGateShape Shape { get; init; } = RatioGateShape.OneSide;

    /// <summary>ε below.</summary>
    [Range(0.0, 1.0)]
    public double Low { get; init; } = 0.2;

    /// <summary>ε above.</summary>
    [Range(0.0, 1e6)]
    public double High { get; init; } = 0.2;

    /// <summary>ε′ below, of the ring.</summary>
    [Range(0.0, 1.0)]
    public double OuterLow { get; init; } = 0.6;

    /// <summary>ε′ above, of the ring.</summary>
    [Range(0.0, 1e6)]
    public double OuterHigh { get; init; } = 2.0;

    /// <summary>1 or 0, [B, T].</summary>
    internal Tensor Of(PolicyBatch batch)
    {
        var ratio = Ratio.Of(batch, RatioLevel.Token);                                          // [B, T]
        var (good, bad) = (batch.Advantages >= Constant.Of(0), batch.Advantages <= Constant.Of(0));
        var inside = (ratio >= Constant.Of(1 - Low)).logical_and(ratio <= Constant.Of(1 + High));
        var passes = Shape switch
        {
            RatioGateShape.OneSide => good.logical_and(ratio <= Constant.Of(1 + High)).logical_or(bad.logical_and(ratio >= Constant.Of(1 - Low))),
            RatioGateShape.TwoSide => inside,
            RatioGateShape.Ring => inside
                .logical_or(good.logical_and(ratio <= Constant.Of(1 - OuterLow)))
                .logical_or(bad.logical_and(ratio >= Constant.Of(1 + OuterHigh))),
        };
        return passes.to_type(batch.LogProbs.dtype);
    }
}
