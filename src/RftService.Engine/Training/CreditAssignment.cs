using RftService.Engine.Algorithms;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training;

/// <summary>The completions of a step after credit assignment.</summary>
/// <param name="Groups">The step's groups, advantages filled in.</param>
/// <param name="Rows">What takes part in the loss.</param>
internal sealed record CreditedStep(IReadOnlyList<RolloutGroup> Groups, IReadOnlyList<TrainingRow> Rows)
{
    /// <summary>False when every advantage is 0: an update would only move the optimizer's own momentum.</summary>
    public bool HasSignal => Rows.Any(row => row.Advantage != 0f);
}

/// <summary>Turns grades into advantages. A completion without a grade is in no statistic and in no loss: it is never a 0.</summary>
internal static class CreditAssignment
{
    /// <summary>Assigns credit group by group.</summary>
    /// <param name="algorithm">Decides the advantages and which groups to drop.</param>
    /// <param name="groups">Graded groups.</param>
    /// <param name="metrics">Takes the share of groups used.</param>
    public static CreditedStep Assign(IAlgorithm algorithm, IReadOnlyList<RolloutGroup> groups, MetricSums metrics)
    {
        var credited = new List<RolloutGroup>(groups.Count);
        var rows = new List<TrainingRow>();
        var used = 0;
        for (var g = 0; g < groups.Count; g++)
        {
            var group = groups[g];
            var valued = group.Rollouts.Where(rollout => rollout.Grade?.Value is not null && rollout.Tokens.Count > 0).ToArray();
            var rewards = valued.Select(rollout => (float)rollout.Grade!.Value!.Value).ToArray();
            var advantages = new float[rewards.Length];
            if (rewards.Length == 0 || !algorithm.AssignCredit(rewards, advantages))
            {
                credited.Add(group);
                continue;
            }

            var byRollout = new Dictionary<Rollout, float>(ReferenceEqualityComparer.Instance);
            for (var i = 0; i < valued.Length; i++)
            {
                if (!float.IsNaN(advantages[i]))
                {
                    byRollout[valued[i]] = advantages[i];
                    rows.Add(RowOf(g, group, valued[i], advantages[i]));
                }
            }

            used += byRollout.Count > 0 ? 1 : 0;
            credited.Add(group with
            {
                Rollouts = [.. group.Rollouts.Select(rollout =>
                    byRollout.TryGetValue(rollout, out var advantage) ? rollout with { Advantage = advantage } : rollout)],
            });
        }

        metrics.Add(MetricNames.GroupsUsedShare, used, groups.Count);
        return new CreditedStep(credited, rows);
    }

    /// <summary>Ends the run when too many grades of a step are errors.</summary>
    public static void RequireGrades(IReadOnlyList<RolloutGroup> groups, double maxErrorShare, int step)
    {
        var all = groups.SelectMany(group => group.Rollouts).ToArray();
        var errors = all.Where(rollout => rollout.Grade?.ErrorCode is not null).ToArray();
        if (all.Length == 0 || (double)errors.Length / all.Length <= maxErrorShare)
        {
            return;
        }

        var codes = errors.GroupBy(rollout => rollout.Grade!.ErrorCode)
            .OrderByDescending(code => code.Count())
            .Select(code => $"{code.Key} {code.Count()} times");
        throw new TrainingException(
            TrainingFault.GradingFailed,
            $"Step {step}: {errors.Length} of {all.Length} grades were errors ({string.Join(", ", codes)}); "
            + $"max_grade_error_share allows a share of {maxErrorShare}.",
            "Try the reward on sample completions and mend it, or raise max_grade_error_share.");
    }

    /// <summary>Rewards, errors and abstentions of a step.</summary>
    public static void Measure(IReadOnlyList<RolloutGroup> groups, MetricSums metrics)
    {
        var (count, sum, squares) = (0, 0.0, 0.0);
        foreach (var group in groups)
        {
            var rewards = group.Rollouts.Select(rollout => rollout.Grade?.Value).OfType<double>().ToArray();
            if (rewards.Length > 0)
            {
                metrics.Add(MetricNames.RewardZeroVarianceShare, rewards.All(reward => reward == rewards[0]) ? 1 : 0, 1);
            }

            foreach (var rollout in group.Rollouts)
            {
                var grade = rollout.Grade;
                metrics.Add(MetricNames.RewardErrorShare, grade?.ErrorCode is null ? 0 : 1, 1);
                metrics.Add(MetricNames.RewardAbstainedShare, grade is { Value: null, ErrorCode: null } ? 1 : 0, 1);
                foreach (var (part, value) in grade?.Parts ?? new Dictionary<string, double>())
                {
                    metrics.Add(MetricNames.RewardPartPrefix + part, value, 1);
                }
            }

            count += rewards.Length;
            sum += rewards.Sum();
            squares += rewards.Sum(reward => reward * reward);
        }

        metrics.Add(MetricNames.RewardMean, sum, count);
        if (count > 0)
        {
            metrics.Set(MetricNames.RewardStd, Math.Sqrt(Math.Max(0, (squares / count) - (sum / count * (sum / count)))));
        }
    }

    private static TrainingRow RowOf(int number, RolloutGroup group, Rollout rollout, float advantage) => new(
        number, group.PromptTokens, rollout.Tokens, rollout.BehaviorLogProbs.Count == 0 ? null : rollout.BehaviorLogProbs, advantage);
}
