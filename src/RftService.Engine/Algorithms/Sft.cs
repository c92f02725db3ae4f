using RftService.Engine.Data;

namespace RftService.Engine.Algorithms;

/// <summary>Options of supervised fine-tuning.</summary>
public sealed record SftOptions : AlgorithmOptions
{
    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>Supervised fine-tuning: the log-likelihood of expert completions, prompts left out.</summary>
internal sealed class Sft(SftOptions options) : IAlgorithm<Sft, SftOptions>
{
    public static string Name => "sft";

    public static string Summary => "Supervised fine-tuning on expert completions; needs no reward.";

    public static string Paper => "arXiv:2203.02155";

    public IReadOnlyList<DataKind> Accepts => [DataKind.Expert];

    public bool NeedsReference => false;

    public static Sft Create(SftOptions options) => new(options);

    public bool AssignCredit(ReadOnlySpan<float> rewards, Span<float> advantages)
    {
        advantages.Fill(1);
        return true;
    }

    public IReadOnlyList<LossTerm> Loss(PolicyBatch batch) =>
        [new LossTerm("sft", -batch.LogProbs * batch.Mask, Weight: 1.0, options.Reduction)]; // [B, T]
}
