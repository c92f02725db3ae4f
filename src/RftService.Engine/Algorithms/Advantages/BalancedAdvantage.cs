using RftService.Engine.Training;

namespace RftService.Engine.Algorithms.Advantages;

/// <summary>
/// r − mean of the group, after as many completions below the mean have been dropped at random as it takes for them not to outnumber the
/// others (RED-Drop, arXiv:2509.24203). The mean is made again of those kept. As in Trinity-RFT, the dropped ones have advantage 0 and
/// still count in the divisors.
/// </summary>
public sealed record BalancedAdvantage : AdvantageSpec
{
    internal override IReadOnlyList<Credit> Assign(AdvantageInput step) =>
        [.. step.Kept.GroupBy(completion => completion.Group).SelectMany(group => Of([.. group], step.Seed))];

    private static IEnumerable<Credit> Of(IReadOnlyList<GradedCompletion> group, ulong seed)
    {
        var mean = Mean.Of([.. group.Select(completion => completion.Return)]);
        var negatives = group.Where(completion => completion.Return < mean).ToArray();
        var dropped = negatives
            .OrderBy(completion => SeedMix.Next(seed ^ SeedMix.Next((ulong)completion.Index)))
            .Take(Math.Max(0, negatives.Length - (group.Count - negatives.Length)))
            .ToHashSet<GradedCompletion>(ReferenceEqualityComparer.Instance);
        var baseline = Mean.Of([.. group.Where(completion => !dropped.Contains(completion)).Select(completion => completion.Return)]);
        return group.Select(completion => new Credit(completion, dropped.Contains(completion) ? 0 : completion.Return - baseline));
    }
}
