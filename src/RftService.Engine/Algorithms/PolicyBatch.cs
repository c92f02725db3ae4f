using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Algorithms;

/// <summary>
/// The inputs of a loss for B completions of at most T tokens. Slots where <see cref="Mask"/> is 0 hold anything finite and must not matter.
/// </summary>
/// <param name="LogProbs">log πθ of the completion tokens, [B, T]; the only differentiable input.</param>
/// <param name="BehaviorLogProbs">log μ of the same tokens, [B, T].</param>
/// <param name="Advantages">One a completion, [B, 1], or one a token, [B, T]. 1 on expert completions.</param>
/// <param name="Mask">1 on tokens that the policy (or the expert) wrote, 0 elsewhere, [B, T].</param>
/// <param name="ReferenceLogProbs">log π_ref, [B, T]; null unless the rule asks for it.</param>
/// <param name="Survey">What <see cref="IAlgorithm.Survey"/> gave for the completions, [B, width]; null when the step is not surveyed.</param>
/// <param name="Step">Steps done before this one; schedules follow it.</param>
public sealed record PolicyBatch(
    torch.Tensor LogProbs,
    torch.Tensor BehaviorLogProbs,
    torch.Tensor Advantages,
    torch.Tensor Mask,
    torch.Tensor? ReferenceLogProbs = null,
    torch.Tensor? Survey = null,
    int Step = 0)
{
    /// <summary>Where the completions come from; a micro-batch has one source.</summary>
    public RowSource Source { get; init; }

    /// <summary>log-probs under the policy as it was before the first update of the step, [B, T]; null unless the rule asks for it.</summary>
    public torch.Tensor? PreviousLogProbs { get; init; }

    /// <summary>Entropy of the policy at each token, in nats, a constant to the gradient, [B, T]; null where no loss is made.</summary>
    public torch.Tensor? Entropy { get; init; }

    /// <summary>log πθ of tokens drawn from the policy at each position, [B, T, K]; differentiable. Null unless the rule asks for them.</summary>
    public torch.Tensor? DrawnLogProbs { get; init; }

    /// <summary>1 where the drawn token is that of the completion, 0 elsewhere, [B, T, K].</summary>
    public torch.Tensor? DrawnHits { get; init; }

    /// <summary>Mean grade of the step's completions; NaN when none has one. Schedules may follow it.</summary>
    public double MeanReward { get; init; } = double.NaN;

    /// <summary>Tokens of each completion, at least 1, [B, 1].</summary>
    internal torch.Tensor Lengths => Mask.sum(1, keepdim: true).clamp_min(Constant.Of(1));

    /// <summary>log π_ref, [B, T].</summary>
    internal torch.Tensor Reference =>
        ReferenceLogProbs ?? throw new InvalidOperationException("This loss needs the reference log-probs.");

    /// <summary>Log-probs under the policy before the step, [B, T].</summary>
    internal torch.Tensor Previous =>
        PreviousLogProbs ?? throw new InvalidOperationException("This loss needs the log-probs before the step.");

    /// <summary>What this batch adds to the mean of something over tokens, [B, T] or [B, 1].</summary>
    internal AlgorithmMetric TokenMean(string name, torch.Tensor values) =>
        new(name, (values * Mask).Total(), Mask.Total());

    /// <summary>The same batch as constants.</summary>
    internal PolicyBatch Detached => this with { LogProbs = LogProbs.detach() };
}

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

    /// <summary>Mean over prompts of the token sum of their group (losses of a whole group, as CoPG).</summary>
    PromptSum,

    /// <summary>Mean over completions of their token mean (GRPO, GSPO, TOPR).</summary>
    CompletionMean,

    /// <summary>Mean over completions of their token sum (REINFORCE, RLOO).</summary>
    CompletionSum,

    /// <summary>Σ over all tokens / (completions × configured maximum length) (Dr.GRPO).</summary>
    FixedLength,
}
