using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms.Advantages;

/// <summary>1, whatever the reward: imitation of what the filters leave.</summary>
public sealed record UnitAdvantage : GroupAdvantageSpec
{
    internal override IEnumerable<double> Of(double[] rewards) => rewards.Select(_ => 1.0);
}

/// <summary>r − c.</summary>
public sealed record RawAdvantage : GroupAdvantageSpec
{
    /// <summary>c.</summary>
    [Range(-100.0, 100.0)]
    public double Baseline { get; init; }

    internal override IEnumerable<double> Of(double[] rewards) => rewards.Select(reward => reward - Baseline);
}

/// <summary>r − (mean of the group + shift). A shift below 0 adds imitation of the whole group (AsymRE, arXiv:2509.24203).</summary>
public sealed record CenterAdvantage : GroupAdvantageSpec
{
    /// <summary>δ, added to the baseline.</summary>
    [Range(-100.0, 100.0)]
    public double Shift { get; init; }

    internal override IEnumerable<double> Of(double[] rewards)
    {
        var baseline = Mean.Of(rewards) + Shift;
        return rewards.Select(reward => reward - baseline);
    }
}

/// <summary>(r − mean of the group) / (standard deviation of the group + ε). In a group of one the advantage is 0.</summary>
public sealed record CenterStdAdvantage : GroupAdvantageSpec
{
    /// <summary>Divides squares by G − 1 (verl, Trinity, TRL); false: by G.</summary>
    public bool Sample { get; init; } = true;

    /// <summary>ε.</summary>
    [Range(0.0, 1.0)]
    public double Epsilon { get; init; } = 1e-6;

    internal override IEnumerable<double> Of(double[] rewards)
    {
        var mean = Mean.Of(rewards);
        var squares = rewards.Sum(reward => (reward - mean) * (reward - mean));
        var scale = Math.Sqrt(squares / Math.Max(1, Sample ? rewards.Length - 1 : rewards.Length)) + Epsilon;
        return rewards.Select(reward => scale > 0 ? (reward - mean) / scale : 0);
    }
}

/// <summary>r − mean of the others of the group (RLOO, arXiv:2402.14740). In a group of one the advantage is 0.</summary>
public sealed record LeaveOneOutAdvantage : GroupAdvantageSpec
{
    internal override IEnumerable<double> Of(double[] rewards)
    {
        var (mean, others) = (Mean.Of(rewards), Math.Max(1, rewards.Length - 1));
        return rewards.Select(reward => (reward - mean) * rewards.Length / others);
    }
}

/// <summary>r − τ · log mean exp(r / τ) over the group: the soft maximum as the baseline (OPMD).</summary>
public sealed record LogMeanExpAdvantage : GroupAdvantageSpec
{
    /// <summary>τ: the smaller, the closer to the maximum.</summary>
    [Range(0.0001, 1000.0)]
    public double Tau { get; init; } = 1;

    internal override IEnumerable<double> Of(double[] rewards)
    {
        var max = rewards.Max(); // taken out, so that nothing overflows
        var baseline = max + (Tau * Math.Log(rewards.Average(reward => Math.Exp((reward - max) / Tau))));
        return rewards.Select(reward => reward - baseline);
    }
}
