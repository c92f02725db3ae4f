using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>Which tokens REC learns from.</summary>
public enum RecClip
{
    /// <summary>All.</summary>
    None,

    /// <summary>Those that PPO's clip leaves a gradient.</summary>
    OneSide,

    /// <summary>Those whose ratio is near 1.</summary>
    TwoSide,

    /// <summary>Those whose ratio is near 1, and those far off that pull the policy back.</summary>
    Ring,
}

/// <summary>The importance weight of REC.</summary>
public enum RecWeight
{
    /// <summary>1: REC's finding is that clipping cannot be left out and importance sampling can.</summary>
    None,

    /// <summary>The token ratio.</summary>
    Ratio,

    /// <summary>The token ratio between 1 − outer_low and 1 + outer_high.</summary>
    TruncatedRatio,

    /// <summary>The ratio of the whole completion.</summary>
    CompletionRatio,
}

/// <summary>Options of REC.</summary>
public sealed record RecOptions : AlgorithmOptions
{
    /// <summary>Which tokens take part.</summary>
    public RecClip Clip { get; init; } = RecClip.OneSide;

    /// <summary>Their importance weight.</summary>
    public RecWeight Weight { get; init; } = RecWeight.None;

    /// <summary>ε below; 0.6 with 2.0 above was 30 to 50 % faster in the paper.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above.</summary>
    [Range(0.0, 1e6)]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>ε′ below, of the ring and of the truncated ratio.</summary>
    [Range(0.0, 1.0)]
    public double OuterLow { get; init; } = 0.6;

    /// <summary>ε′ above, of the ring and of the truncated ratio.</summary>
    [Range(0.0, 1e6)]
    public double OuterHigh { get; init; } = 2.0;

    /// <summary>Divides centered rewards by the group's population standard deviation.</summary>
    public bool NormalizeStd { get; init; }

    /// <summary>Divergence from the base model or the behavior policy; absent: none.</summary>
    public KlOptions? Kl { get; init; }
}

/// <summary>
/// Group-relative REINFORCE with clipping (Yao et al. 2025, arXiv:2509.24203): a mask on the token ratio and, separately, an importance
/// weight. OneSide with the ratio has PPO-clip's gradient.
/// </summary>
internal sealed class Rec(RecOptions options) : ComposedRule(Compose(options)), IAlgorithm<Rec, RecOptions>
{
    public static string Name => "rec";

    public static string Summary => "Group-relative REINFORCE with a clipping mask (one side, two sides, ring) and an importance weight of choice.";

    public static string Paper => "arXiv:2509.24203";

    public static Rec Create(RecOptions options) => new(options);

    private static Composition Compose(RecOptions options) => new()
    {
        Rewards = new() { Kl = options.Kl.InReward() },
        Advantage = options.NormalizeStd ? new CenterStdAdvantage { Sample = false } : new CenterAdvantage(),
        Terms = new TermSpec { Loss = new ScoreLoss { Gate = Gate(options) }, Weight = Weight(options) }.With(options.Kl),
    };

    private static RatioGateSpec? Gate(RecOptions options)
    {
        var gate = new RatioGateSpec { Low = options.ClipLow, High = options.ClipHigh, OuterLow = options.OuterLow, OuterHigh = options.OuterHigh };
        return options.Clip switch
        {
            RecClip.None => null,
            RecClip.OneSide => gate,
            RecClip.TwoSide => gate with { Shape = RatioGateShape.TwoSide },
            RecClip.Ring => gate with { Shape = RatioGateShape.Ring },
        };
    }

    private static WeightSpec Weight(RecOptions options) => options.Weight switch
    {
        RecWeight.None => new UnitWeight(),
        RecWeight.Ratio => new RatioWeight(),
        RecWeight.TruncatedRatio => new RatioWeight { Lower = 1 - options.OuterLow, Upper = 1 + options.OuterHigh },
        RecWeight.CompletionRatio => new RatioWeight { Level = RatioLevel.SeqSum },
    };
}
