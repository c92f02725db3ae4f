using System.Text.Json;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Data;

/// <summary>
/// Grades completions outside torch; may run in parallel inside, returns when all are graded. Called from the training thread, or, where sampling
/// runs beside training, from another one, perhaps while an evaluation is graded.
/// </summary>
public interface IRolloutGrader
{
    /// <summary>A step for evaluations: past the end of every schedule, so that two evaluations differ by the policy alone.</summary>
    const int EvaluationStep = int.MaxValue;

    /// <summary>True when a grade depends on the other completions of its prompt: a group that changes has to be graded again.</summary>
    bool ComparesCompletions => false;

    /// <summary>One grade per rollout, group after group. Never throws for what a completion holds: that is an error grade.</summary>
    /// <param name="groups">Whole groups: some graders compare the completions of a prompt with each other.</param>
    /// <param name="step">Steps done before this one, which schedules follow; or <see cref="EvaluationStep"/>.</param>
    /// <param name="cancellation">Ends it at once.</param>
    IReadOnlyList<RolloutGrade> Grade(IReadOnlyList<RolloutGroup> groups, int step, CancellationToken cancellation);
}

/// <summary>What a grader said of one completion: a value, or no value with the reason why. No value is never the same as 0.</summary>
/// <param name="Value">The reward; null when the grader abstained or failed.</param>
/// <param name="ErrorCode">snake_case code of a failure; null otherwise.</param>
/// <param name="Reason">Plain words, may be shown to people.</param>
/// <param name="Parts">Named sub-rewards of a composed reward.</param>
public sealed record RolloutGrade(double? Value, string? ErrorCode = null, string? Reason = null, IReadOnlyDictionary<string, double>? Parts = null)
{
    /// <summary>Whatever else the grader wants to be seen; null: nothing.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Info { get; init; }

    /// <summary>Time that the grading took, waiting included; null when nobody measured it.</summary>
    public TimeSpan? Latency { get; init; }

    /// <summary>Steps of the completion that were graded by themselves, in order; null: none.</summary>
    public IReadOnlyList<GradedStep>? Steps { get; init; }
}

/// <summary>How one step of a completion was graded.</summary>
/// <param name="Start">Where it begins in the completion, in UTF-16 units.</param>
/// <param name="Length">Its length in UTF-16 units.</param>
/// <param name="Reward">What it contributes to the reward; the rest belongs to the completion as a whole.</param>
/// <param name="Score">What the judge said of the step itself.</param>
public sealed record GradedStep(int Start, int Length, double Reward, double Score);
