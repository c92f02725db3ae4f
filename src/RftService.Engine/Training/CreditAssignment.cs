using RftService.Engine.Algorithms;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training;

/// <summary>The completions of a step after credit assignment.</summary>
/// <param name="Groups">The step's groups, advantages filled in.</param>
/// <param name="Rows">What takes part in the loss.</param>
/// <param name="Notices">Warnings of the rule.</param>
/// <param name="NeedsAdvantages">See <see cref="IAlgorithm.NeedsAdvantages"/>.</param>
internal sealed record CreditedStep(
    IReadOnlyList<RolloutGroup> Groups, IReadOnlyList<TrainingRow> Rows, IReadOnlyList<RuleNotice> Notices, bool NeedsAdvantages)
{
    /// <summary>Mean grade of the completions that have one; NaN when none has.</summary>
    public double MeanReward { get; } =
        Groups.SelectMany(group => group.Rollouts).Where(rollout => rollout.Origin == RolloutOrigin.Policy).Select(rollout => rollout.Grade?.Value).Average() ?? double.NaN;

    /// <summary>False when there is nothing to learn: an update would only move the optimizer's own momentum.</summary>
    public bool HasSignal => NeedsAdvantages
        ? Rows.Any(row => row.TokenAdvantages?.Any(advantage => advantage != 0f) ?? row.Advantage != 0f)
        : Rows.Count > 0;
}

/// <summary>Turns grades into advantages. A completion without a grade is in no statistic and in no loss: it is never a 0.</summary>
internal static class CreditAssignment
{
    /// <summary>Assigns credit to the whole step.</summary>
    /// <param name="algorithm">Decides the advantages and what to leave out.</param>
    /// <param name="groups">Graded groups.</param>
    /// <param name="recipe">Of the run.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="referenceOf">log π_ref of rows, asked only by rules whose credit needs it.</param>
    /// <param name="metrics">Takes what can be said of the advantages.</param>
    public static CreditedStep Assign(
        IAlgorithm algorithm,
        IReadOnlyList<RolloutGroup> groups,
        Recipe recipe,
        int step,
        Func<IReadOnlyList<TrainingRow>, IReadOnlyList<float[]>> referenceOf,
        MetricSums metrics)
    {
        var graded = groups
            .SelectMany((group, g) => group.Rollouts
                .Where(rollout => rollout.Grade?.Value is not null && rollout.Tokens.Count > 0)
                .Select(rollout => (Rollout: rollout, Row: RowOf(g, group, rollout, algorithm.NeedsWeights))))
            .ToArray();
        var reference = algorithm.CreditNeedsReference && graded.Length > 0 ? referenceOf([.. graded.Select(pair => pair.Row)]) : null;
        var completions = graded.Select((pair, i) => CompletionOf(i, pair.Row, pair.Rollout, reference?[i])).ToArray();
        var report = algorithm.AssignCredit(new StepRollouts(
            completions, recipe.Sampling.MaxTokens, SeedMix.Of(recipe.Seed, SeedPurpose.Credit, step)));

        var advantages = new Dictionary<Rollout, float>(ReferenceEqualityComparer.Instance);
        var rows = new List<TrainingRow>(report.Credits.Count);
        foreach (var credit in report.Credits)
        {
            var (rollout, row) = graded[credit.Completion.Index];
            advantages[rollout] = (float)credit.Advantage;
            rows.Add(row with
            {
                Advantage = (float)credit.Advantage,
                TokenAdvantages = credit.TokenAdvantages is { } tokens ? row.AmongAll([.. tokens.Select(value => (float)value)]) : null,
                Reward = credit.Completion.Return,
            });
        }

        Measure(report, rows, groups.Count, graded.Length, metrics);
        return new CreditedStep(
            [.. groups.Select(group => group with
            {
                Rollouts = [.. group.Rollouts.Select(rollout =>
                    advantages.TryGetValue(rollout, out var advantage) ? rollout with { Advantage = advantage } : rollout)],
            })],
            rows,
            report.Notices,
            algorithm.NeedsAdvantages);
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
                if (grade?.ErrorCode is { } code)
                {
                    metrics.Increase(MetricNames.RewardErrorPrefix + code, 1);
                }

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

    private static void Measure(CreditReport report, List<TrainingRow> rows, int groups, int graded, MetricSums metrics)
    {
        metrics.Add(MetricNames.GroupsUsedShare, rows.Select(row => row.Group).Distinct().Count(), groups);
        metrics.Add(MetricNames.CompletionsUsedShare, rows.Count, graded);
        var magnitude = rows.Sum(row => Math.Abs((double)row.Advantage));
        metrics.Add(MetricNames.AdvantagePositiveShare, rows.Sum(row => Math.Max(0.0, row.Advantage)), magnitude);
        metrics.Add(MetricNames.AdvantageMagnitude, magnitude, rows.Count);
        foreach (var metric in report.Metrics)
        {
            metrics.Add(metric.Name, metric.Sum, metric.Count);
        }
    }

    private static GradedCompletion CompletionOf(int index, TrainingRow row, Rollout rollout, float[]? reference)
    {
        var (grade, tokens) = (rollout.Grade!.Value!.Value, TokenSteps.Rewards(rollout.Steps, row.SampledTokens));
        return new()
        {
            Index = index,
            Group = row.Group,
            Grade = grade,
            Reward = grade - (tokens?.Sum() ?? 0),
            TokenRewards = tokens,
            Steps = rollout.Steps,
            Length = row.SampledTokens,
            Truncated = rollout.Stop == StopReason.Length,
            BehaviorLogProbs = rollout.BehaviorLogProbs.Count == 0 ? [] : row.OfSampled(rollout.BehaviorLogProbs),
            ReferenceLogProbs = reference is null ? null : row.OfSampled(reference),
        };
    }

    private static TrainingRow RowOf(int number, RolloutGroup group, Rollout rollout, bool weighted) => new(
        number, group.PromptTokens, rollout.Tokens, rollout.BehaviorLogProbs.Count == 0 ? null : rollout.BehaviorLogProbs, Advantage: 0)
    {
        Weight = weighted ? group.Row.Weight ?? 1 : 1,
        Source = rollout is { Origin: RolloutOrigin.Expert, BehaviorLogProbs.Count: 0 } ? RowSource.Experts : RowSource.Rollouts,
        Sampled = rollout.Sampled,
    };
}
