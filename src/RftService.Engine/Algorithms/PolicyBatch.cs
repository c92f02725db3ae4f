using TorchSharp;

namespace RftService.Engine.Algorithms;

/// <summary>
/// The inputs of a loss for B completions of at most T tokens. Slots where <see cref="Mask"/> is 0 hold anything finite and must not matter.
/// </summary>
/// <param name="LogProbs">log πθ of the completion tokens, [B, T]; the only differentiable input.</param>
/// <param name="BehaviorLogProbs">log μ of the same tokens, [B, T].</param>
/// <param name="Advantages">One a completion, [B]. 1 on expert completions.</param>
/// <param name="Mask">1 on tokens that the policy (or the expert) wrote, 0 elsewhere, [B, T].</param>
/// <param name="ReferenceLogProbs">log π_ref, [B, T]; null unless the rule asks for it.</param>
public sealed record PolicyBatch(
    torch.Tensor LogProbs,
    torch.Tensor BehaviorLogProbs,
    torch.Tensor Advantages,
    torch.Tensor Mask,
    torch.Tensor? ReferenceLogProbs = null);

/// <summary>One additive part of a loss.</summary>
/// <param name="Name">Metric suffix: the value is reported as `loss/{name}`.</param>
/// <param name="PerToken">Unreduced, masked, [B, T].</param>
/// <param name="Weight">Factor of this part.</param>
/// <param name="Reduction">How the whole step is averaged.</param>
public sealed record LossTerm(string Name, torch.Tensor PerToken, double Weight, LossReduction Reduction);

/// <summary>How per-token losses become one number. Divisors are counted over the whole step, never over a micro-batch.</summary>
public enum LossReduction
{
    /// <summary>Σ over all tokens / number of tokens (DAPO in verl and TRL, REC, CHORD).</summary>
    TokenMean,

    /// <summary>Mean over prompts of the token mean of their group (DAPO's paper, ScaleRL).</summary>
    PromptMean,

    /// <summary>Mean over completions of their token mean (GRPO, GSPO, TOPR).</summary>
    CompletionMean,

    /// <summary>Mean over completions of their token sum (REINFORCE, RLOO).</summary>
    CompletionSum,

    /// <summary>Σ over all tokens / (completions × configured maximum length) (Dr.GRPO).</summary>
    FixedLength,
}
