using System.Text.Json.Serialization;
using TorchSharp;

namespace RftService.Engine.Algorithms.Weights;

/// <summary>Factor of a token's loss; `type` selects it. It is given detached log-probs, so no gradient can pass through it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(UnitWeight), "one")]
[JsonDerivedType(typeof(RatioWeight), "ratio")]
[JsonDerivedType(typeof(TaperWeight), "taper")]
[JsonDerivedType(typeof(AdvantageExpWeight), "advantage_exp")]
[JsonDerivedType(typeof(ProbabilityWeight), "probability")]
[JsonDerivedType(typeof(UncertaintyWeight), "uncertainty")]
[JsonDerivedType(typeof(FocalWeight), "focal")]
[JsonDerivedType(typeof(EntropyWeight), "entropy")]
public abstract record WeightSpec
{
    internal virtual bool NeedsEntropy => false;

    internal virtual int SurveyWidth => 0;

    internal virtual IReadOnlyList<double[]> Survey(IReadOnlyList<SurveyedCompletion> step) =>
        throw new InvalidOperationException("This weight does not survey.");

    /// <summary>[1], [B, 1] or [B, T].</summary>
    internal abstract torch.Tensor Of(PolicyBatch batch);

    internal virtual IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch) => [];
}

/// <summary>1.</summary>
public sealed record UnitWeight : WeightSpec
{
    internal override torch.Tensor Of(PolicyBatch batch) => torch.ones(1, batch.LogProbs.dtype, batch.LogProbs.device);
}
