using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training;

/// <summary>Expert completions: one a row, nothing is sampled or graded.</summary>
internal sealed class ExpertRollouts(RunSpec spec, PromptEncoder encoder) : IRolloutSource
{
    private static readonly RolloutGrade NotGraded = new(Value: 1);

    private readonly RowCursor _cursor = new(spec.Rows.Count, spec.Recipe.Seed);

    public long Position
    {
        get => _cursor.Position;
        set => _cursor.Position = value;
    }

    public IReadOnlyList<RolloutGroup> Next(int step, MetricSums metrics, CancellationToken cancellation)
    {
        IReadOnlyList<RolloutGroup> groups = [.. _cursor.Next(spec.Recipe.PromptsPerStep).Select(index => Group(spec.Rows[index], encoder))];
        metrics.Set(MetricNames.Epochs, _cursor.Epochs);
        RolloutGrading.MeasureCompletions(groups, metrics);
        return groups;
    }

    /// <summary>A row as a group of one; its log-probs under the expert are not known.</summary>
    public static RolloutGroup Group(Row row, PromptEncoder encoder)
    {
        var prompt = encoder.Prompt(row);
        var rollout = new Rollout
        {
            Tokens = encoder.Completion(row, prompt),
            BehaviorLogProbs = [],
            Text = row.Completion!,
            Stop = StopReason.EndOfText,
            Grade = NotGraded,
        };
        return new RolloutGroup(row, prompt.Text, prompt.Tokens, [rollout]);
    }
}
