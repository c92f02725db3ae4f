using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Schedules;

namespace RftService.Engine.Algorithms;

/// <summary>Options of OORL.</summary>
public sealed record OorlOptions : AlgorithmOptions
{
    /// <summary>Weight of the REINFORCE++ term.</summary>
    [Range(0.0, 100.0)]
    public double OnlineWeight { get; init; } = 1;

    /// <summary>Weight of the GEPO term.</summary>
    [Range(0.0, 100.0)]
    public double PreferenceWeight { get; init; } = 0.01;

    /// <summary>β of GEPO.</summary>
    [Range(0.0001, 100.0)]
    public double Beta { get; init; } = 0.1;

    /// <summary>λ of GEPO, weight of the winners' variance.</summary>
    [Range(0.0, 100.0)]
    public double VarianceWeight { get; init; } = 1;

    /// <summary>Takes the group's mean off the rewards before REINFORCE++ whitens them.</summary>
    public bool GroupBaseline { get; init; }

    /// <summary>Divergence from the base model in REINFORCE++; absent: none.</summary>
    public KlOptions? Kl { get; init; }
}

/// <summary>
/// Offline-online reinforcement learning (arXiv:2505.12723): 1 · REINFORCE++ + 0.01 · GEPO. Both terms see the same groups here.
/// </summary>
internal sealed class Oorl(OorlOptions options) : ComposedRule(Compose(options)), IAlgorithm<Oorl, OorlOptions>
{
    public static string Name => "oorl";

    public static string Summary => "REINFORCE++ joined with a group preference term (GEPO) against the base model.";

    public static string Paper => "arXiv:2505.12723";

    public static Oorl Create(OorlOptions options) => new(options);

    private static Composition Compose(OorlOptions options)
    {
        var online = ReinforcePlusPlus.Compose(new() { GroupBaseline = options.GroupBaseline, Kl = options.Kl });
        return online with
        {
            Terms =
            [
                online.Terms[0] with { Coefficient = new ConstantSchedule { Value = options.OnlineWeight } },
                .. online.Terms.Skip(1),
                new()
                {
                    Name = "gepo",
                    Loss = new GepoLoss { Beta = options.Beta, VarianceWeight = options.VarianceWeight },
                    Coefficient = new ConstantSchedule { Value = options.PreferenceWeight },
                    Reduction = LossReduction.PromptSum,
                },
            ],
        };
    }
}
