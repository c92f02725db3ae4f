using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Models;

/// <summary>Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): W + scale · B·A, with W frozen.</summary>
public sealed record LoraSpec
{
    internal const string AllLinear = "all-linear";

    /// <summary>Rank r of the adapters.</summary>
    [Range(1, 512)]
    public int Rank { get; init; } = 16;

    /// <summary>Scale numerator; the adapter's output is multiplied by alpha / rank, or as <see cref="RankStabilized"/> says.</summary>
    [Range(0.01, 4096)]
    public double Alpha { get; init; } = 32;

    /// <summary>
    /// Share of an adapter's inputs that is left out in each training pass, the others grow to make up for it; sampling and evaluation use
    /// all. The masks follow from the seed, the number of updates and the micro-batch, so another micro_batch_tokens gives other masks.
    /// </summary>
    [Range(0.0, 0.9)]
    public double Dropout { get; init; }

    /// <summary>Scales by alpha / √rank, so that high ranks learn as fast as low ones (rsLoRA; Kalajdzievski 2023, arXiv:2312.03732).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>
    /// Names of the linear layers that get an adapter, as in PEFT's `target_modules`; `all-linear` for all but the head, whatever the
    /// family calls them.
    /// </summary>
    [MinLength(1)]
    public IReadOnlyList<string> TargetModules { get; init; } = [AllLinear];

    internal double Scale => Alpha / (RankStabilized ? Math.Sqrt(Rank) : Rank);
}
