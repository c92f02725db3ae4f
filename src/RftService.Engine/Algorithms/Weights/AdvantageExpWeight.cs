using System.ComponentModel.DataAnnotations;
using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms.Weights;

/// <summary>exp(A / temperature): good completions count more, bad ones less (RED-Weight).</summary>
public sealed record AdvantageExpWeight : WeightSpec
{
    /// <summary>The smaller, the sharper.</summary>
    [Range(0.01, 1000.0)]
    public double Temperature { get; init; } = 1;

    internal override Tensor Of(PolicyBatch batch) =>
        (batch.Advantages / Constant.Of(Temperature)).clamp(Constant.Of(-Ratio.MaxLog), Constant.Of(Ratio.MaxLog)).exp();

    internal override IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch) =>
        [batch.TokenMean("weight/advantage_exp_mean", Of(batch))];
}
