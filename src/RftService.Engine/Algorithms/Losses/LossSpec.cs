using System.Text.Json.Serialization;
using TorchSharp;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>Loss of a token, or of a completion or a group spread over its tokens; `type` selects it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ScoreLoss), "score")]
[JsonDerivedType(typeof(ClipLoss), "clip")]
[JsonDerivedType(typeof(AdaptiveClipLoss), "adaptive_clip")]
[JsonDerivedType(typeof(ShapedProbabilityLoss), "shaped_probability")]
[JsonDerivedType(typeof(KlLoss), "kl")]
[JsonDerivedType(typeof(ImitationLoss), "imitation")]
[JsonDerivedType(typeof(CopgLoss), "copg")]
[JsonDerivedType(typeof(GepoLoss), "gepo")]
[JsonDerivedType(typeof(PairwiseOpmdLoss), "pairwise_opmd")]
[JsonDerivedType(typeof(P3oLoss), "p3o")]
[JsonDerivedType(typeof(DpoLoss), "dpo")]
[JsonDerivedType(typeof(IpoLoss), "ipo")]
[JsonDerivedType(typeof(CplLoss), "cpl")]
[JsonDerivedType(typeof(LikelihoodLoss), "likelihood")]
[JsonDerivedType(typeof(OneTokenLoss), "one_token")]
public abstract record LossSpec
{
    internal virtual bool NeedsReference => false;

    internal virtual bool NeedsPrevious => false;

    internal virtual bool NeedsDraws => false;

    internal virtual bool NeedsAdvantages => true;

    internal virtual int SurveyWidth => 0;

    /// <summary>Differentiable; slots without a token hold anything finite, [B, T] or [B, 1].</summary>
    internal abstract torch.Tensor PerToken(PolicyBatch batch);

    internal virtual IReadOnlyList<double[]> Survey(IReadOnlyList<SurveyedCompletion> step) =>
        throw new InvalidOperationException("This loss does not survey.");

    internal virtual IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch) => [];
}
