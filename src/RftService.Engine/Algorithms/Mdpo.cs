using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>Options of MDPO.</summary>
public sealed record MdpoOptions : AlgorithmOptions
{
    /// <summary>Weight of the divergence at the first step; it falls as 1 / step.</summary>
    [Range(0.0, 1000.0)]
    public double KlScale { get; init; } = 1;

    /// <summary>How the divergence is estimated per token.</summary>
    public KlEstimator Estimator { get; init; } = KlEstimator.K2;

    /// <summary>Largest weight of a token: the ratio itself; absent: no limit.</summary>
    [Range(1.0, 1000.0)]
    public double? RatioCap { get; init; }
}

/// <summary>
/// Mirror descent policy optimisation (Tomar et al. 2020, arXiv:2005.09814): an importance-weighted policy gradient and a divergence from
/// the policy before, whose weight falls with the steps. The policy before is the behavior policy of the rollouts: on rollouts sampled in
/// the very step the divergence and its gradient are 0, on older or logged ones it holds the policy near them.
/// </summary>
internal sealed class Mdpo(MdpoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Mdpo, MdpoOptions>
{
    public static string Name => "mdpo";

    public static string Summary => "Mirror descent: importance-weighted policy gradient, held near the policy that wrote the rollouts.";

    public static string Paper => "arXiv:2005.09814";

    public static Mdpo Create(MdpoOptions options) => new(options);

    private static Composition Compose(MdpoOptions options) => new()
    {
        Advantage = new CenterAdvantage(),
        Terms =
        [
            new() { Loss = new ScoreLoss(), Weight = new RatioWeight { Upper = options.RatioCap } },
            new()
            {
                Name = "kl",
                Loss = new KlLoss { Estimator = options.Estimator, Anchor = KlAnchor.Behavior },
                Coefficient = new InverseSchedule { Scale = options.KlScale },
            },
        ],
    };
}
