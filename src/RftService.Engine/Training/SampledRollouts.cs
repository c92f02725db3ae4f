using System.Diagnostics;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training;

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
        RolloutGrading.MeasureCompletions(groups, metrics);

        started = Stopwatch.GetTimestamp();
        var graded = RolloutGrading.Grade(_grader, groups, cancellation);
        metrics.Set(MetricNames.GradingSeconds, Stopwatch.GetElapsedTime(started).TotalSeconds);
        return graded;
    }
}
