using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Schedules;

namespace RftService.Engine.Algorithms;

/// <summary>The four forms in which online policy mirror descent is found. They are not the same loss.</summary>
public enum OpmdForm
{
    /// <summary>−A log π + (τ/2) (log π/μ)² on log-probs of the whole completion, mean over completions (Kimi k1.5).</summary>
    Completion,

    /// <summary>The same on each token, mean over tokens (Trinity-RFT's REC; its coefficient 0.1 is τ = 0.2 here).</summary>
    Token,

    /// <summary>Squared differences of r − τ log π/μ over pairs of a prompt's completions.</summary>
    Pairwise,

    /// <summary>−A log π / (1 + τ), mean over tokens; μ is not used (Trinity-RFT's `opmd`).</summary>
    Scaled,
}

/// <summary>Baselines of OPMD.</summary>
public enum OpmdBaseline
{
    /// <summary>Mean of the group.</summary>
    Mean,

    /// <summary>τ · log mean exp(r/τ) of the group, which the theory asks for.</summary>
    LogMeanExp,
}

/// <summary>Options of OPMD.</summary>
public sealed record OpmdOptions : AlgorithmOptions
{
    /// <summary>Which of the four.</summary>
    public OpmdForm Form { get; init; } = OpmdForm.Completion;

    /// <summary>τ, strength of the pull towards the behavior policy.</summary>
    [Range(0.0001, 100.0)]
    public double Tau { get; init; } = 0.1;

    /// <summary>What is taken off rewards; the pairwise form needs none.</summary>
    public OpmdBaseline Baseline { get; init; } = OpmdBaseline.Mean;
}

/// <summary>Online policy mirror descent (Kimi k1.5, arXiv:2501.12599; forms compared in arXiv:2509.24203).</summary>
internal sealed class Opmd(OpmdOptions options) : ComposedRule(Compose(options)), IAlgorithm<Opmd, OpmdOptions>
{
    public static string Name => "opmd";

    public static string Summary => "Online policy mirror descent, four forms: a squared log-ratio instead of an importance ratio.";

    public static string Paper => "arXiv:2501.12599";

    public static Opmd Create(OpmdOptions options) => new(options);

    private static Composition Compose(OpmdOptions options) => new()
    {
        Advantage = options.Baseline == OpmdBaseline.Mean ? new CenterAdvantage() : new LogMeanExpAdvantage { Tau = options.Tau },
        Terms = options.Form switch
        {
            OpmdForm.Completion => Squared(options.Tau, wholeCompletion: true, LossReduction.CompletionSum),
            OpmdForm.Token => Squared(options.Tau, wholeCompletion: false, LossReduction.TokenMean),
            OpmdForm.Pairwise => [new() { Loss = new PairwiseOpmdLoss { Tau = options.Tau }, Reduction = LossReduction.PromptSum }],
            OpmdForm.Scaled => [new() { Loss = new ScoreLoss(), Coefficient = new ConstantSchedule { Value = 1 / (1 + options.Tau) } }],
        },
    };

    private static IReadOnlyList<TermSpec> Squared(double tau, bool wholeCompletion, LossReduction reduction) =>
    [
        new() { Loss = new ScoreLoss(), Reduction = reduction },
        new()
        {
            Name = "kl",
            Loss = new KlLoss { Estimator = KlEstimator.K2, Anchor = KlAnchor.Behavior, WholeCompletion = wholeCompletion },
            Coefficient = new ConstantSchedule { Value = tau },
            Reduction = reduction,
        },
    ];
}
