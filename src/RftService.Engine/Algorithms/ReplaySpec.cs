using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace RftService.Engine.Algorithms;

/// <summary>How a rule learns from the rollouts of earlier steps; `type` selects it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(SelfImitation), "self_imitation")]
[JsonDerivedType(typeof(PastBatches), "past_batches")]
public abstract record ReplaySpec;

/// <summary>
/// Good completions of earlier steps are learned again beside the rollouts, by terms of the source `replay`. Their advantage is measured anew;
/// what tokens had more or less than the others of their completion, as by graded steps, they keep.
/// </summary>
public sealed record SelfImitation : ReplaySpec
{
    /// <summary>Completions kept at most; the oldest go first.</summary>
    [Range(1, 100_000)]
    public int Capacity { get; init; } = 2048;

    /// <summary>Steps after which one is dropped.</summary>
    [Range(1, 10_000)]
    public int MaxAge { get; init; } = 10;

    /// <summary>Only completions with a larger advantage are kept.</summary>
    [Range(0.0, 1e6)]
    public double MinAdvantage { get; init; }

    /// <summary>Completions taken in a step.</summary>
    [Range(1, 4096)]
    public int RowsPerStep { get; init; } = 32;

    /// <summary>Latest groups whose median mean reward is the baseline of a replayed reward.</summary>
    [Range(1, 100_000)]
    public int BaselineGroups { get; init; } = 10_240;
}

/// <summary>Some updates of a step learn from all rollouts of an earlier step in place of its own.</summary>
public sealed record PastBatches : ReplaySpec
{
    /// <summary>Steps kept.</summary>
    [Range(1, 64)]
    public int Steps { get; init; } = 2;

    /// <summary>Probability that an update takes an earlier step's.</summary>
    [Range(0.0, 1.0)]
    public double Probability { get; init; } = 0.4;

    /// <summary>Steps after which every update takes the step's own; absent: never.</summary>
    [Range(1, 1_000_000)]
    public int? Until { get; init; }
}
