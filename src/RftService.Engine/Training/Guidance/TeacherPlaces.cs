using RftService.Engine.Algorithms;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training.Guidance;

/// <summary>
/// Gives some places of a group that failed to the teachers whom the policy understands best: those whose answer it finds likeliest
/// (mean log-prob of the answer's tokens).
/// </summary>
internal sealed class TeacherPlaces(
    TeacherGuidance guidance,
    RunSpec spec,
    TeacherPool pool,
    PromptEncoder encoder,
    Func<IReadOnlyList<TrainingRow>, CancellationToken, IReadOnlyList<float[]>> logProbs) : IGuidance
{
    public IReadOnlyList<RolloutGroup> Apply(IReadOnlyList<RolloutGroup> groups, int step, MetricSums metrics, CancellationToken cancellation)
    {
        var failed = groups.Where(group => IGuidance.Failed(group, guidance.PassAbove)).ToArray();
        var teachers = failed
            .Select(group => group with { Rollouts = Best(group, cancellation) })
            .Where(group => group.Rollouts.Count > 0)
            .ToArray();
        metrics.Add(MetricNames.GuidanceFailedShare, failed.Length, groups.Count);
        metrics.Add(MetricNames.GuidanceHelpedShare, teachers.Length, failed.Length);
        return new GradedHelp(spec.Grader!, encoder).Join(
            groups, teachers, (own, help) => own.Rollouts.Take(own.Rollouts.Count - help.Rollouts.Count).Concat(help.Rollouts), step, cancellation);
    }

    private IReadOnlyList<Rollout> Best(RolloutGroup group, CancellationToken cancellation)
    {
        var candidates = pool.Of(group);
        var places = Math.Min(guidance.Places, group.Rollouts.Count);
        if (candidates.Count <= places)
        {
            return [.. candidates.Select(candidate => candidate.Rollout)];
        }

        var found = logProbs(
            [.. candidates.Select(candidate => new TrainingRow(0, group.PromptTokens, candidate.Rollout.Tokens, BehaviorLogProbs: null, Advantage: 0))], cancellation);
        return [.. candidates
            .Select((candidate, i) => (candidate.Rollout, Understood: found[i].Skip(ReasoningTokens(group, candidate.Row, candidate.Rollout)).Average()))
            .OrderByDescending(candidate => candidate.Understood) // a stable sort
            .Take(places)
            .Select(candidate => candidate.Rollout)];
    }

    /// <summary>Tokens before the answer; 0 where it cannot be told apart.</summary>
    private int ReasoningTokens(RolloutGroup group, Row row, Rollout rollout)
    {
        var start = guidance.AnswerAfter is { } mark ? rollout.Text.LastIndexOf(mark, StringComparison.Ordinal) : -1;
        return start < 0
            ? 0
            : Math.Min(
                encoder.Length(row, new EncodedPrompt(group.PromptText, [.. group.PromptTokens]), rollout.Text[..(start + guidance.AnswerAfter!.Length)]),
                rollout.Tokens.Count - 1);
    }
}
