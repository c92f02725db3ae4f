using RftService.Engine.Algorithms;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training.Guidance;

/// <summary>
/// Adds to each group an expert completion of its prompt: one after the other over the steps, where there are several. It counts as written
/// by the policy as it is, so that its ratio begins at 1.
/// </summary>
internal sealed class TruthPlaces(
    TruthGuidance guidance,
    RunSpec spec,
    TeacherPool pool,
    PromptEncoder encoder,
    Func<IReadOnlyList<TrainingRow>, CancellationToken, IReadOnlyList<float[]>> logProbs) : IGuidance
{
    public IReadOnlyList<RolloutGroup> Apply(IReadOnlyList<RolloutGroup> groups, int step, MetricSums metrics, CancellationToken cancellation)
    {
        var truths = groups
            .Select(group => (Group: group, Written: pool.Of(group)))
            .Where(pair => pair.Written.Count > 0)
            .Select(pair => pair.Group with { Rollouts = [pair.Written[(step - 1) % pair.Written.Count].Rollout] })
            .ToArray();
        metrics.Add(MetricNames.GuidanceFailedShare, groups.Count(group => IGuidance.Failed(group, guidance.PassAbove)), groups.Count);
        metrics.Add(MetricNames.GuidanceHelpedShare, truths.Length, groups.Count);
        var known = logProbs([.. truths.Select(truth => new TrainingRow(0, truth.PromptTokens, truth.Rollouts[0].Tokens, null, Advantage: 0))], cancellation);
        truths = [.. truths.Select((truth, i) => truth with { Rollouts = [truth.Rollouts[0] with { BehaviorLogProbs = known[i] }] })];
        return new GradedHelp(spec.Grader!, encoder).Join(groups, truths, (own, truth) => own.Rollouts.Concat(truth.Rollouts), step, cancellation);
    }
}
