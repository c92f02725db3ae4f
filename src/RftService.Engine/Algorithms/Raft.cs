using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of RAFT.</summary>
public sealed record RaftOptions : AlgorithmOptions
{
    /// <summary>Completions kept of each prompt: those with the largest grades, the shorter of equal ones; null: all that are good enough.</summary>
    [Range(1, 1024)]
    public int? KeepBest { get; init; } = 1;

    /// <summary>Smallest grade that is good enough; null: any.</summary>
    [Range(-1e6, 1e6)]
    public double? MinReward { get; init; } = 1;

    /// <summary>How the step is averaged.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>
/// Reward-ranked fine-tuning (Dong et al. 2023, arXiv:2304.06767): samples, keeps the best, imitates them. STaR and rejection sampling are
/// its settings; SOPHIA's objective (arXiv:2507.16814) is that of one shortest good completion a prompt.
/// </summary>
internal sealed class Raft(RaftOptions options) : ComposedRule(Compose(options)), IAlgorithm<Raft, RaftOptions>
{
    public static string Name => "raft";

    public static string Summary => "Reward-ranked fine-tuning: imitates the best completions of each prompt and nothing else.";

    public static string Paper => "arXiv:2304.06767";

    public static Raft Create(RaftOptions options) => new(options);

    private static Composition Compose(RaftOptions options) => new()
    {
        Filters = new() { KeepBest = options.KeepBest, MinReward = options.MinReward },
        Advantage = new UnitAdvantage(),
        Terms = [new() { Loss = new ScoreLoss(), Reduction = options.Reduction }],
    };
}
