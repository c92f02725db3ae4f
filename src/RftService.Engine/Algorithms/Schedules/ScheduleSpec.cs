using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace RftService.Engine.Algorithms.Schedules;

/// <summary>A number that may change from step to step; `type` selects how.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ConstantSchedule), "constant")]
[JsonDerivedType(typeof(LinearSchedule), "linear")]
[JsonDerivedType(typeof(WarmupCosineSchedule), "warmup_cosine")]
[JsonDerivedType(typeof(InverseSchedule), "inverse")]
[JsonDerivedType(typeof(RewardGapSchedule), "reward_gap")]
[JsonDerivedType(typeof(CosineRampSchedule), "cosine_ramp")]
public abstract record ScheduleSpec
{
    /// <summary>Its value after so many steps, in a step whose completions have this mean grade; NaN when none has one.</summary>
    internal abstract double At(int step, double meanReward);

    /// <summary>Between which numbers it stays.</summary>
    internal abstract (double Least, double Most) Bounds { get; }
}

/// <summary>Always the same.</summary>
public sealed record ConstantSchedule : ScheduleSpec
{
    /// <summary>The number.</summary>
    [Range(-1e6, 1e6)]
    public double Value { get; init; } = 1;

    internal override double At(int step, double meanReward) => Value;

    internal override (double Least, double Most) Bounds => (Value, Value);
}

/// <summary>Straight from one number to another, then constant.</summary>
public sealed record LinearSchedule : ScheduleSpec
{
    /// <summary>At the first step.</summary>
    [Range(-1e6, 1e6)]
    public double From { get; init; }

    /// <summary>At the end of the way and after it.</summary>
    [Range(-1e6, 1e6)]
    public double To { get; init; } = 1;

    /// <summary>Steps of the way.</summary>
    [Range(1, 1_000_000)]
    public int Steps { get; init; } = 100;

    internal override double At(int step, double meanReward) => From + ((To - From) * Math.Min(1.0, (double)step / Steps));

    internal override (double Least, double Most) Bounds => (Math.Min(From, To), Math.Max(From, To));
}

/// <summary>From 0 to a peak in a straight line, then along a half cosine down to a valley: CHORD's µ (arXiv:2508.11408).</summary>
public sealed record WarmupCosineSchedule : ScheduleSpec
{
    /// <summary>Steps up to the peak.</summary>
    [Range(0, 1_000_000)]
    public int WarmupSteps { get; init; }

    /// <summary>Steps from the peak to the valley; 0: at once.</summary>
    [Range(0, 1_000_000)]
    public int DecaySteps { get; init; } = 200;

    /// <summary>Largest value.</summary>
    [Range(0.0, 1e6)]
    public double Peak { get; init; } = 0.9;

    /// <summary>Value at the end.</summary>
    [Range(0.0, 1e6)]
    public double Valley { get; init; } = 0.05;

    internal override (double Least, double Most) Bounds => (0, Math.Max(Peak, Valley));

    internal override double At(int step, double meanReward)
    {
        if (step < WarmupSteps)
        {
            return (double)step / WarmupSteps * Peak;
        }

        return step >= WarmupSteps + DecaySteps
            ? Valley
            : Valley + ((Peak - Valley) * 0.5 * (1 + Math.Cos(Math.PI * (step - WarmupSteps) / DecaySteps)));
    }
}

/// <summary>Scale / (number of the step, from 1): the weight 1/t of mirror descent policy optimisation.</summary>
public sealed record InverseSchedule : ScheduleSpec
{
    /// <summary>Value at the first step.</summary>
    [Range(0.0, 1e6)]
    public double Scale { get; init; } = 1;

    internal override double At(int step, double meanReward) => Scale / (step + 1);

    internal override (double Least, double Most) Bounds => (0, Scale);
}

/// <summary>
/// Target less the mean grade of the step's completions, never below 0: CHORD's adaptive µ (arXiv:2508.11408, appendix B.1; 0.5 was good there,
/// 0.7 bad). Held at 1 here, because grades may be negative. 0 in a step in which nothing has a grade.
/// </summary>
public sealed record RewardGapSchedule : ScheduleSpec
{
    /// <summary>τ.</summary>
    [Range(-100.0, 100.0)]
    public double Target { get; init; } = 0.5;

    internal override (double Least, double Most) Bounds => (0, 1);

    internal override double At(int step, double meanReward) => double.IsNaN(meanReward) ? 0 : Math.Clamp(Target - meanReward, 0, 1);
}

/// <summary>From 0 up to a weight along half a cosine, then constant: SPEAR's replay.</summary>
public sealed record CosineRampSchedule : ScheduleSpec
{
    /// <summary>Value at the end of the way and after it.</summary>
    [Range(0.0, 1e6)]
    public double Weight { get; init; } = 1;

    /// <summary>Steps of the way; 0: none.</summary>
    [Range(0, 1_000_000)]
    public int Steps { get; init; } = 200;

    internal override (double Least, double Most) Bounds => (0, Weight);

    internal override double At(int step, double meanReward) => step >= Steps ? Weight : Weight * 0.5 * (1 - Math.Cos(Math.PI * step / Steps));
}

/// <summary>1, from a step on less by a tenth every ten steps, down to one half: ReMix's λ (arXiv:2507.06892).</summary>
internal sealed record TenthsSchedule(int From, double Scale, bool Complement = false) : ScheduleSpec
{
    internal override (double Least, double Most) Bounds => Complement ? (0, Scale / 2) : (Scale / 2, Scale);

    internal override double At(int step, double meanReward)
    {
        var share = Math.Max(1 - (0.1 * Math.Ceiling(Math.Max(step - From, 0) / 10.0)), 0.5);
        return Scale * (Complement ? 1 - share : share);
    }
}

/// <summary>1 less another one: of two losses that are mixed, the weight of the other.</summary>
internal sealed record ComplementSchedule(ScheduleSpec Of) : ScheduleSpec
{
    internal override (double Least, double Most) Bounds => (1 - Of.Bounds.Most, 1 - Of.Bounds.Least);

    internal override double At(int step, double meanReward) => 1 - Of.At(step, meanReward);
}
