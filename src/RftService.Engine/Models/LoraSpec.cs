using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Models;

/// <summary>Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): W + (alpha / rank) · B·A, with W frozen.</summary>
public sealed record LoraSpec
{
    /// <summary>Rank r of the adapters.</summary>
    [Range(1, 512)]
    public int Rank { get; init; } = 16;

    /// <summary>Scale numerator; the adapter's output is multiplied by alpha / rank.</summary>
    [Range(0.01, 4096)]
    public double Alpha { get; init; } = 32;

    /// <summary>
    /// Names of the linear layers that get an adapter, as in PEFT's `target_modules`; `all-linear` for all but the head, whatever the
    /// family calls them.
    /// </summary>
    [MinLength(1)]
    public IReadOnlyList<string> TargetModules { get; init; } = [AllLinear];

    internal const string AllLinear = "all-linear";
}
