using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training.Guidance;

/// <summary>Grades help and puts it into the groups that it was made for.</summary>
internal sealed class GradedHelp(IRolloutGrader grader, PromptEncoder encoder)
{
    /// <summary>
    /// All groups, those that are helped mixed. A grader that compares completions sees the mixed group, as the learning rule does: what it
    /// said of the policy's own among themselves no longer holds, and the help has nobody else to be compared with.
    /// </summary>
    /// <param name="groups">Of the step, graded.</param>
    /// <param name="help">For some of them: the same groups with other completions, not graded.</param>
    /// <param name="join">The completions of a group from its own and its help's.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="cancellation">Ends it at once.</param>
    public IReadOnlyList<RolloutGroup> Join(
        IReadOnlyList<RolloutGroup> groups,
        IReadOnlyList<RolloutGroup> help,
        Func<RolloutGroup, RolloutGroup, IEnumerable<Rollout>> join,
        int step,
        CancellationToken cancellation)
    {
        if (help.Count == 0)
        {
            return groups;
        }

        if (!grader.ComparesCompletions)
        {
            return Replace(groups, RolloutGrading.Grade(grader, help, step - 1, encoder, cancellation), join);
        }

        var helped = help.Select(group => group.PromptTokens).ToHashSet<object>(ReferenceEqualityComparer.Instance);
        var mixed = Replace(groups, help, join).Where(group => helped.Contains(group.PromptTokens)).ToArray();
        return Replace(groups, RolloutGrading.Grade(grader, mixed, step - 1, encoder, cancellation), (_, graded) => graded.Rollouts);
    }

    private static IReadOnlyList<RolloutGroup> Replace(
        IReadOnlyList<RolloutGroup> groups, IReadOnlyList<RolloutGroup> others, Func<RolloutGroup, RolloutGroup, IEnumerable<Rollout>> join)
    {
        // A row may come twice in a step; the prompt's list of tokens is the group's own.
        var byPrompt = new Dictionary<IReadOnlyList<int>, RolloutGroup>(ReferenceEqualityComparer.Instance);
        foreach (var group in others)
        {
            byPrompt.Add(group.PromptTokens, group);
        }

        return [.. groups.Select(group => byPrompt.TryGetValue(group.PromptTokens, out var found) ? group with { Rollouts = [.. join(group, found)] } : group)];
    }
}
