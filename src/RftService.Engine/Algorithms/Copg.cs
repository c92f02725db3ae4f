using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;

namespace RftService.Engine.Algorithms;

/// <summary>Options of CoPG.</summary>
public sealed record CopgOptions : AlgorithmOptions
{
    /// <summary>β, strength of the pull towards the base model.</summary>
    [Range(0.0001, 100.0)]
    public double Beta { get; init; } = 0.1;
}

/// <summary>
/// Contrastive policy gradient (Flet-Berliac et al. 2024, arXiv:2406.19185): completions of a prompt are compared pair by pair with squared
/// differences of their regularised rewards. Sound off-policy without an importance ratio.
/// </summary>
internal sealed class Copg(CopgOptions options) : ComposedRule(Compose(options)), IAlgorithm<Copg, CopgOptions>
{
    public static string Name => "copg";

    public static string Summary => "Contrastive policy gradient: regularised rewards of a prompt's completions, compared in pairs; no ratio.";

    public static string Paper => "arXiv:2406.19185";

    public static Copg Create(CopgOptions options) => new(options);

    private static Composition Compose(CopgOptions options) => new()
    {
        Advantage = new CenterAdvantage(),
        Terms = [new() { Loss = new CopgLoss { Beta = options.Beta }, Reduction = LossReduction.PromptSum }],
    };
}
