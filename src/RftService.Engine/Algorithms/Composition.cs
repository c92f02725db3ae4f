using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Filters;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>
/// A learning rule as the components it is made of: rewards are shaped, completions filtered, advantages estimated;
/// the loss of a step is the sum of the terms.
/// </summary>
internal sealed record Composition
{
    public RewardSpec Rewards { get; init; } = new();

    public FilterSpec Filters { get; init; } = new();

    public required AdvantageSpec Advantage { get; init; }

    public required IReadOnlyList<TermSpec> Terms { get; init; }

    public int RefillRounds { get; init; }

    public RetirementSpec? Retirement { get; init; }
}

/// <summary>One additive part of a loss: factor · average of (weight · loss) over the tokens of the step.</summary>
public sealed record TermSpec
{
    /// <summary>Its value is reported as `loss/{name}`, before the coefficient.</summary>
    [RegularExpression("^[a-z][a-z0-9_]{0,31}$")]
    public string Name { get; init; } = "policy";

    /// <summary>Loss of a token.</summary>
    public required LossSpec Loss { get; init; }

    /// <summary>Factor of a token's loss, a constant to the gradient.</summary>
    public WeightSpec Weight { get; init; } = new UnitWeight();

    /// <summary>Factor of the whole term, by step.</summary>
    public ScheduleSpec Coefficient { get; init; } = new ConstantSchedule();

    /// <summary>True: the factor is 1 less the coefficient, for the other of two losses that are mixed.</summary>
    public bool Complement { get; init; }

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;

    /// <summary>The rows that it learns from.</summary>
    public RowSource Source { get; init; }

    internal ScheduleSpec Factor => Complement ? new ComplementSchedule(Coefficient) : Coefficient;
}
