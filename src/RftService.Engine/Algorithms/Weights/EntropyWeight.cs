using System.ComponentModel.DataAnnotations;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms.Weights;

/// <summary>
/// 1 on the tokens where the policy is least sure, 0 on all others (an ablation of CHORD, arXiv:2508.11408; "forking tokens", arXiv:2506.01939).
/// The share is taken over all tokens of the step that the term learns from; neither paper says over what, so this is our reading.
/// </summary>
public sealed record EntropyWeight : WeightSpec
{
    /// <summary>Share of the tokens that count: those with the highest entropy.</summary>
    [Range(0.0001, 1.0)]
    public double Share { get; init; } = 0.05;

    internal override bool NeedsEntropy => true;

    internal override int SurveyWidth => 1;

    /// <summary>The entropy that a token must reach, the same for all completions.</summary>
    internal override IReadOnlyList<double[]> Survey(IReadOnlyList<SurveyedCompletion> step)
    {
        var falling = step.SelectMany(completion => completion.Entropies).OrderDescending().ToArray();
        var kept = Math.Max(1, (int)Math.Round(Share * falling.Length));
        // Between two tokens: a pass over other micro-batches may give other last digits.
        var least = kept >= falling.Length ? 0 : (falling[kept - 1] + falling[kept]) / 2;
        return [.. step.Select(_ => new[] { least })];
    }

    internal override Tensor Of(PolicyBatch batch) => batch is { Entropy: { } entropy, Survey: { } least }
        ? (entropy >= least).to_type(batch.LogProbs.dtype)                                      // [B, T]
        : throw new InvalidOperationException("This weight needs the policy's entropies.");
}
