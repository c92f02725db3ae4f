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

    /// <summary>True when the loss reads <see cref="PolicyBatch.PreviousLogProbs"/>: one more forward pass a step.</summary>
    bool NeedsPrevious => false;

    /// <summary>True when the loss and the survey read the policy's entropies.</summary>
    bool NeedsEntropy => false;

    /// <summary>Optimizer updates on the completions of a step where the recipe does not say.</summary>
    int UpdatesPerStep => 1;

    /// <summary>Tokens that the loss wants drawn at each position, as <see cref="PolicyBatch.DrawnLogProbs"/>; null: none.</summary>
    DrawSpec? Draws => null;

    /// <summary>True when credit assignment reads <see cref="GradedCompletion.ReferenceLogProbs"/>.</summary>
    bool CreditNeedsReference => false;

    /// <summary>True when every row must give a <see cref="Row.Weight"/>.</summary>
    bool NeedsWeights => false;

    /// <summary>True when a step in which every advantage is 0 teaches nothing.</summary>
    bool NeedsAdvantages => true;

    /// <summary>Times that more prompts are sampled in a step to replace those whose grades are all equal.</summary>
    int RefillRounds => 0;

    /// <summary>When a solved prompt is not sampled again; null: never.</summary>
    RetirementSpec? Retirement => null;

    /// <summary>What is put into the groups after they are graded; null: nothing.</summary>
    GuidanceSpec? Guidance => null;

    /// <summary>What is learned from earlier steps; null: nothing.</summary>
    ReplaySpec? Replay => null;

    /// <summary>Steps after which the policy itself becomes the reference; null: the reference stays the base model.</summary>
    int? NewReferenceAfter => null;

    /// <summary>True when the rule learns from expert rows beside its rollouts, or among them.</summary>
    bool NeedsExperts => false;

    /// <summary>Numbers that <see cref="Survey"/> gives for each completion; 0: the step is not surveyed.</summary>
    int SurveyWidth => 0;

    /// <summary>
    /// Turns the graded completions of a step into advantages. What has no value is not given; what is not returned is left out of the loss.
    /// </summary>
    CreditReport AssignCredit(StepRollouts step);

    /// <summary>Expert rows that a step takes beside its rollouts; 0 where they would weigh nothing.</summary>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="meanReward">Mean grade of the step's completions; NaN when none has one.</param>
    int ExpertRows(int step, double meanReward) => 0;

    /// <summary>
    /// Looks at the whole step under the policy as it is, before the first backward pass: where a loss joins several completions,
    /// its exact coefficients come from here. One array of <see cref="SurveyWidth"/> numbers a completion, in order.
    /// </summary>
    IReadOnlyList<double[]> Survey(IReadOnlyList<SurveyedCompletion> step) =>
        throw new InvalidOperationException("This rule does not survey.");

    /// <summary>
    /// Unreduced loss of a micro-batch: a function of <see cref="PolicyBatch.LogProbs"/> only, so gradients of micro-batches add up exactly.
    /// </summary>
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
