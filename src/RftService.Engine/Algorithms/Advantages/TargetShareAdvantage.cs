using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms.Advantages;

/// <summary>
/// r − c, with c solved in every step so that Σ of positive advantages is a given share of Σ|A|. With rewards of ±1, of which a share p is
/// positive, that is TOPR's effective share p̃ = p(1 − c) / (1 + c(1 − 2p)), hence c = (p − p̃) / (p + p̃ − 2pp̃) (arXiv:2503.14286).
/// When all rewards are equal there is nothing to balance: c is that reward, and nothing is learned.
/// </summary>
public sealed record TargetShareAdvantage : AdvantageSpec
{
    /// <summary>p̃.</summary>
    [Range(0.0, 1.0)]
    public double PositiveShare { get; init; } = 0.5;

    internal override IReadOnlyList<Credit> Assign(AdvantageInput step)
    {
        var baseline = Baseline([.. step.Kept.Select(completion => completion.Return)]);
        return [.. step.Kept.Select(completion => new Credit(completion, completion.Return - baseline))];
    }

    /// <summary>c; Σ of positive advantages / Σ|A| falls from 1 to 0 as c goes from the smallest reward to the largest.</summary>
    internal double Baseline(IReadOnlyList<double> rewards)
    {
        if (rewards.Count == 0)
        {
            return 0;
        }

        var (low, high) = (rewards.Min(), rewards.Max());
        for (var i = 0; i < 100 && low < high; i++)
        {
            var middle = low + ((high - low) / 2);
            var positive = rewards.Sum(reward => Math.Max(0, reward - middle));
            (low, high) = positive > PositiveShare * rewards.Sum(reward => Math.Abs(reward - middle)) ? (middle, high) : (low, middle);
        }

        return low;
    }
}
