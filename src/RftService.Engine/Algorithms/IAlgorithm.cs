using RftService.Engine.Data;

namespace RftService.Engine.Algorithms;

/// <summary>
/// A learning rule: credit and per-token loss terms. It never sees a micro-batch boundary, a divisor or the optimizer:
/// averaging belongs to the trainer.
/// </summary>
public interface IAlgorithm
{
    /// <summary>Kinds of datasets the rule can learn from. A rule that accepts <see cref="DataKind.Prompts"/> samples on them.</summary>
    IReadOnlyList<DataKind> Accepts { get; }

    /// <summary>True when the loss reads <see cref="PolicyBatch.ReferenceLogProbs"/>; the trainer then keeps the frozen base model at hand.</summary>
    bool NeedsReference { get; }

    /// <summary>
    /// Turns the rewards of one group into advantages. Rollouts without a value are not in the spans.
    /// An advantage of NaN leaves that rollout out of the step.
    /// Returns false when the group holds nothing to learn from and is dropped from the step.
    /// </summary>
    bool AssignCredit(ReadOnlySpan<float> rewards, Span<float> advantages);

    /// <summary>Unreduced loss of a micro-batch: a function of <see cref="PolicyBatch.LogProbs"/> only, so gradients of micro-batches add up exactly.</summary>
    IReadOnlyList<LossTerm> Loss(PolicyBatch batch);

    /// <summary>What the rule wants to be seen of a micro-batch, beside the metrics that every run has. No gradient is tracked here.</summary>
    IReadOnlyList<AlgorithmMetric> Measure(PolicyBatch batch) => [];
}

/// <summary>The static half of a learning rule, found by <see cref="AlgorithmCatalog"/> by reflection.</summary>
public interface IAlgorithm<TSelf, TOptions> : IAlgorithm
    where TSelf : IAlgorithm<TSelf, TOptions>
    where TOptions : AlgorithmOptions
{
    /// <summary>Kebab-case JSON discriminator.</summary>
    static abstract string Name { get; }

    /// <summary>One sentence for people.</summary>
    static abstract string Summary { get; }

    /// <summary>Where the rule is defined, as `arXiv:2503.14286`.</summary>
    static abstract string Paper { get; }

    /// <summary>Makes the rule.</summary>
    static abstract TSelf Create(TOptions options);
}

/// <summary>A mean over the whole step, given as what a micro-batch adds to it.</summary>
/// <param name="Name">Full metric name, as `topr/dead_negatives_share`.</param>
/// <param name="Sum">Adds up over micro-batches.</param>
/// <param name="Count">Adds up over micro-batches; the metric is Sum / Count and absent when Count is 0.</param>
public sealed record AlgorithmMetric(string Name, double Sum, double Count);
