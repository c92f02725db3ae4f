using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms.Weights;

/// <summary>p, the policy's probability of the token.</summary>
public sealed record ProbabilityWeight : WeightSpec
{
    internal override Tensor Of(PolicyBatch batch) => (batch.LogProbs * batch.Mask).exp();      // [B, T]
}

/// <summary>p · (1 − p): largest where the policy is undecided (CHORD's φ, arXiv:2508.11408).</summary>
public sealed record UncertaintyWeight : WeightSpec
{
    internal override Tensor Of(PolicyBatch batch)
    {
        var probability = (batch.LogProbs * batch.Mask).exp();                                  // [B, T]
        return probability * (Constant.Of(1) - probability);
    }

    internal override IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch) =>
        [batch.TokenMean("weight/uncertainty_mean", Of(batch))];
}
