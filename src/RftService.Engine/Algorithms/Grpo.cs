using System.ComponentModel.DataAnnotations;
using RftService.Engine.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms;

/// <summary>Options of GRPO.</summary>
public sealed record GrpoOptions : AlgorithmOptions
{
    /// <summary>ε below: a token ratio under 1 − ε gives no further push down.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above: a token ratio over 1 + ε gives no further push up.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>Bounds the loss of tokens with a negative advantage at this multiple of it (dual clip); absent: no bound.</summary>
    [Range(1.0, 1000.0)]
    public double? DualClip { get; init; }

    /// <summary>Divides centred rewards by the group's standard deviation; false: only centres them (Dr.GRPO).</summary>
    public bool NormalizeStd { get; init; } = true;

    /// <summary>Added to the standard deviation.</summary>
    [Range(0.0, 1.0)]
    public double StdEpsilon { get; init; } = 1e-6;

    /// <summary>β, weight of the divergence from the frozen base model; 0 keeps no reference.</summary>
    [Range(0.0, 100.0)]
    public double KlBeta { get; init; }

    /// <summary>How the divergence is estimated per token.</summary>
    public KlEstimator KlEstimator { get; init; } = KlEstimator.K3;

    /// <summary>How the step is averaged; `fixed_length` divides by `sampling.max_tokens` (Dr.GRPO), `token_mean` weighs all tokens alike (DAPO).</summary>
    public LossReduction Reduction { get; init; } = LossReduction.CompletionMean;
}

/// <summary>Per-token estimators of KL(πθ ‖ π_ref), with d = log πθ − log π_ref (Schulman 2020, "Approximating KL divergence").</summary>
public enum KlEstimator
{
    /// <summary>d. Its gradient carries nothing of the reference.</summary>
    K1,

    /// <summary>d² / 2. On-policy its gradient is that of the true divergence.</summary>
    K2,

    /// <summary>exp(−d) + d − 1. Never negative.</summary>
    K3,
}

/// <summary>
/// Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300): rewards are compared within the group of a prompt,
/// the loss is PPO's clipped surrogate, and a divergence from the base model may be added.
/// </summary>
internal sealed class Grpo(GrpoOptions options) : IAlgorithm<Grpo, GrpoOptions>
{
    public static string Name => "grpo";

    public static string Summary => "Group relative policy optimisation: compares the completions of a prompt with each other, with a clipped ratio.";

    public static string Paper => "arXiv:2402.03300";

    public IReadOnlyList<DataKind> Accepts => [DataKind.Prompts];

    public bool NeedsReference => options.KlBeta > 0;

    public static Grpo Create(GrpoOptions options) => new(options);

    public bool AssignCredit(ReadOnlySpan<float> rewards, Span<float> advantages)
    {
        if (rewards.Length == 0 || rewards.IndexOfAnyExcept(rewards[0]) < 0)
        {
            return false; // all alike, or alone: nothing to compare
        }

        var mean = 0.0;
        foreach (var reward in rewards)
        {
            mean += (double)reward / rewards.Length;
        }

        var squares = 0.0;
        foreach (var reward in rewards)
        {
            squares += (reward - mean) * (reward - mean);
        }

        // The sample deviation (n − 1), as verl, Trinity and TRL have it.
        var scale = options.NormalizeStd ? Math.Sqrt(squares / (rewards.Length - 1)) + options.StdEpsilon : 1.0;
        for (var i = 0; i < rewards.Length; i++)
        {
            advantages[i] = (float)((rewards[i] - mean) / scale);
        }

        return true;
    }

    public IReadOnlyList<LossTerm> Loss(PolicyBatch batch)
    {
        var advantages = batch.Advantages.unsqueeze(1);                                                  // [B, 1]
        var ratio = Ratio.OfTokens(batch);                                                               // [B, T]
        var surrogate = maximum(-ratio * advantages, -ratio.clamp(1 - options.ClipLow, 1 + options.ClipHigh) * advantages);
        if (options.DualClip is { } bound)
        {
            surrogate = where(advantages < 0, minimum(surrogate, -bound * advantages), surrogate);
        }

        var policy = new LossTerm("policy", surrogate * batch.Mask, Weight: 1.0, options.Reduction);
        return options.KlBeta > 0
            ? [policy, new LossTerm("kl", Divergence(batch) * batch.Mask, options.KlBeta, options.Reduction)]
            : [policy];
    }

    public IReadOnlyList<AlgorithmMetric> Measure(PolicyBatch batch)
    {
        var ratio = Ratio.OfTokens(batch);                                                               // [B, T]
        var advantages = batch.Advantages.unsqueeze(1);                                                  // [B, 1]
        var tokens = batch.Mask.sum().ToDouble();
        // Clipped is only what loses its gradient: too likely and good, or too unlikely and bad.
        var high = (ratio > 1 + options.ClipHigh).logical_and(advantages > 0) * batch.Mask;
        var low = (ratio < 1 - options.ClipLow).logical_and(advantages < 0) * batch.Mask;
        return
        [
            new("ratio/clipped_high_share", high.sum().ToDouble(), tokens),
            new("ratio/clipped_low_share", low.sum().ToDouble(), tokens),
        ];
    }

    private Tensor Divergence(PolicyBatch batch)
    {
        var reference = batch.ReferenceLogProbs
            ?? throw new InvalidOperationException("GRPO with kl_beta above 0 needs the reference log-probs.");
        var difference = (batch.LogProbs - reference) * batch.Mask;                                      // [B, T]
        return options.KlEstimator switch
        {
            KlEstimator.K1 => difference,
            KlEstimator.K2 => difference.square() / 2,
            KlEstimator.K3 => (-difference).clamp(-Ratio.MaxLog, Ratio.MaxLog).exp() + difference - 1,
        };
    }
}
