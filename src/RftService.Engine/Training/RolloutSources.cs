using System.Diagnostics;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training;

/// <summary>Gives each step its groups: sampled now, logged before, or written by an expert.</summary>
internal interface IRolloutSource
{
    /// <summary>Entries of the data handed out; set when a run goes on.</summary>
    long Position { get; set; }

    /// <summary>The groups of a step, graded where grades are needed.</summary>
    IReadOnlyList<RolloutGroup> Next(int step, MetricSums metrics, CancellationToken cancellation);
}

/// <summary>Grading of groups, outside torch.</summary>
internal static class Grading
{
    /// <summary>Grades all completions and counts what they are like.</summary>
    public static IReadOnlyList<RolloutGroup> Grade(IRolloutGrader grader, IReadOnlyList<RolloutGroup> groups, CancellationToken cancellation)
    {
        var pairs = groups.SelectMany(group => group.Rollouts.Select(rollout => (group.Row, rollout))).ToArray();
        var grades = grader.Grade(pairs, cancellation);
        if (grades.Count != pairs.Length)
        {
            throw new InvalidOperationException($"grades: expected {pairs.Length}, got {grades.Count}");
        }

        var next = 0;
        return [.. groups.Select(group => group with { Rollouts = [.. group.Rollouts.Select(rollout => rollout with { Grade = grades[next++] })] })];
    }

    /// <summary>Lengths and truncation of completions.</summary>
    public static void MeasureCompletions(IReadOnlyList<RolloutGroup> groups, MetricSums metrics)
    {
        foreach (var rollout in groups.SelectMany(group => group.Rollouts))
        {
            metrics.Add(MetricNames.CompletionTokensMean, rollout.Tokens.Count, 1);
            metrics.Add(MetricNames.CompletionTruncatedShare, rollout.Stop == StopReason.Length ? 1 : 0, 1);
            metrics.Max(MetricNames.CompletionTokensMax, rollout.Tokens.Count);
        }
    }
}

/// <summary>Prompts: completions are sampled from the policy as it is now, and graded.</summary>
internal sealed class SampledRollouts(RunSpec spec, PromptEncoder encoder, Sampler sampler) : IRolloutSource
{
    private readonly RowCursor _cursor = new(spec.Rows.Count, spec.Recipe.Seed);
    private readonly IRolloutGrader _grader = spec.Grader
        ?? throw new InvalidOperationException("A run that samples needs a grader.");

    public long Position
    {
        get => _cursor.Position;
        set => _cursor.Position = value;
    }

    public IReadOnlyList<RolloutGroup> Next(int step, MetricSums metrics, CancellationToken cancellation)
    {
        var rows = _cursor.Next(spec.Recipe.PromptsPerStep).Select(index => spec.Rows[index]).ToArray();
        metrics.Set(MetricNames.Epochs, _cursor.Epochs);

        var started = Stopwatch.GetTimestamp();
        var prompts = rows.Select(encoder.Prompt).ToArray();
        var sampled = sampler.Sample(
            [.. prompts.Select(prompt => prompt.Tokens)],
            spec.Recipe.GroupSize,
            spec.Recipe.Sampling,
            SeedMix.Of(spec.Recipe.Seed, SeedPurpose.Sampling, step),
            cancellation);
        metrics.Set(MetricNames.SamplingSeconds, Stopwatch.GetElapsedTime(started).TotalSeconds);
        IReadOnlyList<RolloutGroup> groups =
            [.. rows.Select((row, i) => new RolloutGroup(row, prompts[i].Text, prompts[i].Tokens, sampled[i]))];
        Grading.MeasureCompletions(groups, metrics);

        started = Stopwatch.GetTimestamp();
        var graded = Grading.Grade(_grader, groups, cancellation);
        metrics.Set(MetricNames.GradingSeconds, Stopwatch.GetElapsedTime(started).TotalSeconds);
        return graded;
    }
}
