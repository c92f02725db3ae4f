using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of GEPO.</summary>
public sealed record GepoOptions : AlgorithmOptions
{
    /// <summary>β, strength of the pull towards the base model.</summary>
    [Range(0.0001, 100.0)]
    public double Beta { get; init; } = 0.1;

    /// <summary>λ, weight of the winners' variance.</summary>
    [Range(0.0, 100.0)]
    public double VarianceWeight { get; init; } = 1;
}

/// <summary>
/// Group equivalent preference optimisation (arXiv:2505.12723): a logistic preference between the good and the bad completions of a prompt.
/// </summary>
internal sealed class Gepo(GepoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Gepo, GepoOptions>
{
    public static string Name => "gepo";

    public static string Summary => "Group preference: a prompt's winners against its losers, relative to the base model, with the winners kept alike.";

    public static string Paper => "arXiv:2505.12723";

    public static Gepo Create(GepoOptions options) => new(options);

    private static Composition Compose(GepoOptions options) => new()
    {
        Advantage = new CenterAdvantage(),
        Terms =
        [
            new()
            {
                Loss = new GepoLoss { Beta = options.Beta, VarianceWeight = options.VarianceWeight },
                Reduction = LossReduction.PromptSum,
            },
        ],
    };
}
