using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Rewards;

namespace RftService.Engine.Algorithms;

/// <summary>Options of DAPO.</summary>
public sealed record DapoOptions : AlgorithmOptions
{
    /// <summary>ε below.</summary>
    [Range(0.0, 1.0)]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>ε above, larger than below: unlikely tokens get room to grow.</summary>
    [Range(0.0, 100.0)]
    public double ClipHigh { get; init; } = 0.28;

    /// <summary>Bounds the loss of tokens with a negative advantage at this multiple of it (dual clip); absent: no bound, as in the paper.</summary>
    [Range(1.0, 1000.0)]
    public double? DualClip { get; init; }

    /// <summary>Takes something off long completions; null: nothing.</summary>
    public OverlongShaping? Overlong { get; init; } = new();

    /// <summary>Dynamic sampling: prompts whose grades are all equal are replaced at most so many times a step; 0: only dropped.</summary>
    [Range(0, 100)]
    public int RefillRounds { get; init; } = 9;

    /// <summary>How the step is averaged: over all tokens (verl, TRL), or `prompt_mean` as the paper's formula has it.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.TokenMean;
}

/// <summary>
/// Decoupled clip and dynamic sampling policy optimisation (Yu et al. 2025, arXiv:2503.14476). Its four parts: clip-higher, dynamic
/// sampling (prompts whose grades are all equal are replaced), the token-level loss, and overlong reward shaping.
/// Grades decide which prompts are replaced, before any shaping. verl samples up to 10 batches for one, hence 9 rounds.
/// </summary>
internal sealed class Dapo(DapoOptions options) : ComposedRule(Compose(options)), IAlgorithm<Dapo, DapoOptions>
{
    public static string Name => "dapo";

    public static string Summary => "GRPO with clip-higher, dynamic sampling, a token-level loss and overlong reward shaping.";

    public static string Paper => "arXiv:2503.14476";

    public static Dapo Create(DapoOptions options) => new(options);

    private static Composition Compose(DapoOptions options) => new()
    {
        Rewards = new() { Overlong = options.Overlong },
        Filters = new() { DropZeroVariance = true },
        Advantage = new CenterStdAdvantage(),
        RefillRounds = options.RefillRounds,
        Terms =
        [
            new()
            {
                Loss = new ClipLoss { Low = options.ClipLow, High = options.ClipHigh, Dual = options.DualClip },
                Reduction = options.Reduction,
            },
        ],
    };
}
