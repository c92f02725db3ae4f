using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training;

/// <summary>Grading of groups, outside torch.</summary>
internal static class RolloutGrading
{
    /// <summary>Grades all completions.</summary>
    /// <param name="grader">Says what they are worth.</param>
    /// <param name="groups">The completions.</param>
    /// <param name="step">See <see cref="IRolloutGrader.Grade"/>.</param>
    /// <param name="encoder">Finds the tokens of graded steps.</param>
    /// <param name="cancellation">Ends it at once.</param>
    public static IReadOnlyList<RolloutGroup> Grade(
        IRolloutGrader grader, IReadOnlyList<RolloutGroup> groups, int step, PromptEncoder encoder, CancellationToken cancellation)
    {
        var count = groups.Sum(group => group.Rollouts.Count);
        var grades = grader.Grade(groups, step, cancellation);
        if (grades.Count != count)
        {
            throw new InvalidOperationException($"grades: expected {count}, got {grades.Count}");
        }

        return With(grades, groups, encoder);
    }

    /// <summary>The groups with their grades, one a completion, in order.</summary>
    public static IReadOnlyList<RolloutGroup> With(IReadOnlyList<RolloutGrade> grades, IReadOnlyList<RolloutGroup> groups, PromptEncoder encoder)
    {
        var next = 0;
        return [.. groups.Select(group => group with { Rollouts = [.. group.Rollouts.Select(rollout => With(rollout, grades[next++], encoder))] })];
    }

    private static Rollout With(Rollout rollout, RolloutGrade grade, PromptEncoder encoder) => grade.Steps is not { Count: > 0 } steps
        ? rollout with { Grade = grade, Steps = [] }
        : rollout with { Grade = grade, Steps = TokenSteps.Of(steps, SampledOffsets(rollout, encoder)) };

    private static IReadOnlyList<int> SampledOffsets(Rollout rollout, PromptEncoder encoder)
    {
        var offsets = encoder.Offsets(rollout.Tokens);
        return rollout.Sampled is null ? offsets : [.. offsets.Where((_, t) => rollout.Sampled[t])];
    }

    /// <summary>Lengths and truncation of completions.</summary>
    public static void MeasureCompletions(IReadOnlyList<RolloutGroup> groups, MetricSums metrics)
    {
        foreach (var rollout in groups.SelectMany(group => group.Rollouts))
        {
            metrics.Add(MetricNames.CompletionTokensMean, rollout.Tokens.Count, 1);
            metrics.Add(MetricNames.CompletionTruncatedShare, rollout.Stop == StopReason.Length ? 1 : 0, 1);
            metrics.Add(MetricNames.CompletionInterruptedShare, rollout.Sampled is null ? 0 : 1, 1);
            metrics.Max(MetricNames.CompletionTokensMax, rollout.Tokens.Count);
        }
    }

    /// <summary>How far behind the policy the tokens were drawn; nothing where no version is noted.</summary>
    /// <param name="groups">Of the step.</param>
    /// <param name="steps">Steps that the policy has been trained for.</param>
    /// <param name="metrics">Takes the mean and the largest.</param>
    public static void MeasureStaleness(IReadOnlyList<RolloutGroup> groups, int steps, MetricSums metrics)
    {
        foreach (var version in groups.SelectMany(group => group.Rollouts)
            .SelectMany(rollout => (rollout.Versions ?? []).Where((_, token) => rollout.Sampled?[token] ?? true)))
        {
            metrics.Add(MetricNames.Staleness, steps - version, 1);
            metrics.Max(MetricNames.StalenessMax, steps - version);
        }
    }

    /// <summary>True when not all grades of the group are equal.</summary>
    public static bool HasVariance(RolloutGroup group) =>
        group.Rollouts.Select(rollout => rollout.Grade?.Value).OfType<double>().Distinct().Skip(1).Any();
}
