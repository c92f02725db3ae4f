using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms.Filters;

/// <summary>What takes part in the loss. What is left out counts in no divisor.</summary>
public sealed record FilterSpec
{
    /// <summary>Leaves out completions cut at the token limit, before any statistic is made.</summary>
    public bool DropTruncated { get; init; }

    /// <summary>Keeps only the first so many completions with a reward above 0 of each prompt; absent: all.</summary>
    [Range(0, 1024)]
    public int? MaxPositivesPerPrompt { get; init; }

    /// <summary>Keeps only the first so many completions with a reward of 0 or less of each prompt; absent: all.</summary>
    [Range(0, 1024)]
    public int? MaxNegativesPerPrompt { get; init; }

    /// <summary>Keeps only completions with at least this reward; absent: all.</summary>
    [Range(-1e6, 1e6)]
    public double? MinReward { get; init; }

    /// <summary>Keeps only so many completions of each prompt, those with the largest rewards, the shorter of equal ones; absent: all.</summary>
    [Range(1, 1024)]
    public int? KeepBest { get; init; }

    /// <summary>Leaves out prompts whose completions all have the same grade. Statistics over the batch can still count them.</summary>
    public bool DropZeroVariance { get; init; }

    /// <summary>Keeps only this share of the prompts, those whose rewards vary most; absent: all.</summary>
    [Range(0.001, 1.0)]
    public double? TopSpreadShare { get; init; }

    /// <summary>Keeps only completions with an advantage above this; absent: all.</summary>
    [Range(-1e6, 1e6)]
    public double? MinAdvantage { get; init; }

    /// <summary>Before any statistic.</summary>
    internal IReadOnlyList<GradedCompletion> Completions(IReadOnlyList<GradedCompletion> step)
    {
        var kept = step.Where(completion => !(DropTruncated && completion.Truncated) && !(completion.Reward < MinReward));
        return [.. kept.GroupBy(completion => completion.Group).SelectMany(group =>
            First(MaxPositivesPerPrompt, group.Where(completion => completion.Reward > 0))
                .Concat(First(MaxNegativesPerPrompt, group.Where(completion => !(completion.Reward > 0))))
                .OrderByDescending(completion => completion.Reward).ThenBy(completion => completion.Length) // a stable sort
                .Take(KeepBest ?? int.MaxValue)
                .OrderBy(completion => completion.Index))];
    }

    /// <summary>Whole prompts.</summary>
    internal IReadOnlyList<GradedCompletion> Groups(IReadOnlyList<GradedCompletion> step)
    {
        var groups = step.GroupBy(completion => completion.Group)
            .Where(group => !DropZeroVariance || group.Any(completion => completion.Grade != group.First().Grade))
            .ToArray();
        var keep = TopSpreadShare is { } share ? (int)Math.Ceiling(share * groups.Length) : groups.Length;
        return [.. groups.OrderByDescending(Spread).Take(keep).SelectMany(group => group).OrderBy(completion => completion.Index)];
    }

    /// <summary>By advantage.</summary>
    internal IReadOnlyList<Credit> Credits(IReadOnlyList<Credit> credits) =>
        MinAdvantage is { } least ? [.. credits.Where(credit => credit.Advantage > least)] : credits;

    private static IEnumerable<GradedCompletion> First(int? count, IEnumerable<GradedCompletion> completions) =>
        completions.Take(count ?? int.MaxValue);

    private static double Spread(IEnumerable<GradedCompletion> group)
    {
        var mean = group.Average(completion => completion.Return);
        return group.Average(completion => (completion.Return - mean) * (completion.Return - mean));
    }
}
