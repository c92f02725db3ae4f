using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms;

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

/// <summary>Importance ratios πθ/μ, differentiable where the batch is. Masked slots have ratio 1, so garbage there cannot reach the loss.</summary>
internal static class Ratio
{
    /// <summary>Largest absolute log-ratio that is exponentiated: e^20 is far beyond any sensible limit and far from overflow.</summary>
    public const double MaxLog = 20.0;

    /// <summary>Log-ratios, summed in log space: [B, 1], or [B, T] for tokens.</summary>
    public static Tensor Log(PolicyBatch batch, RatioLevel level)
    {
        var tokens = (batch.LogProbs - batch.BehaviorLogProbs) * batch.Mask;                    // [B, T]
        return level switch
        {
            RatioLevel.SeqSum => tokens.sum(1, keepdim: true),
            RatioLevel.SeqGeo => tokens.sum(1, keepdim: true) / batch.Lengths,
            RatioLevel.Token => tokens,
        };
    }

    /// <summary>Ratios: [B, 1], or [B, T] for tokens.</summary>
    public static Tensor Of(PolicyBatch batch, RatioLevel level) => Log(batch, level).clamp(Constant.Of(-MaxLog), Constant.Of(MaxLog)).exp();

    /// <summary>Ratios held between limits. Truncated in log space, so a long completion cannot overflow before the limit is applied.</summary>
    public static Tensor Between(Tensor logRatio, double lower, double? upper) =>
        lower == upper
            ? full_like(logRatio, Constant.Of(lower))
            : logRatio.clamp_max(Constant.Of(upper is { } limit ? Math.Log(limit) : MaxLog)).exp().clamp_min(Constant.Of(lower));
}
