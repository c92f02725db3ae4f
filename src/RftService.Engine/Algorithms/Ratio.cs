using static TorchSharp.torch;

namespace RftService.Engine.Algorithms;

/// <summary>Importance ratios πθ/μ.</summary>
internal static class Ratio
{
    /// <summary>Largest absolute log-ratio that is exponentiated: e^20 is far beyond any sensible limit and far from overflow.</summary>
    public const double MaxLog = 20.0;

    /// <summary>Token ratios, differentiable; 1 where masked, so garbage there cannot reach the loss.</summary>
    public static Tensor OfTokens(PolicyBatch batch) =>
        ((batch.LogProbs - batch.BehaviorLogProbs) * batch.Mask).clamp(-MaxLog, MaxLog).exp(); // [B, T]
}
