using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Algorithms.Weights;

namespace RftService.Engine.Algorithms;

/// <summary>Options of TOPR. The defaults are the paper's canonical form.</summary>
public sealed record ToprOptions : AlgorithmOptions, IValidatableObject
{
    /// <summary>What the importance ratio belongs to: the whole completion (the paper), its length-normalised form, or each token.</summary>
    public RatioLevel RatioLevel { get; init; } = RatioLevel.SeqSum;

    /// <summary>Limits of the ratio on completions whose advantage is 0 or more; [1, 1] imitates them with weight 1.</summary>
    public TaperSpec PositiveTaper { get; init; } = new() { Lower = 1, Upper = 1 };

    /// <summary>Limits of the ratio on completions with a negative advantage. A lower limit above 0 lets the loss fall without bound.</summary>
    public TaperSpec NegativeTaper { get; init; } = new() { Lower = 0, Upper = 1 };

    /// <summary>How a grade becomes the reward R. With grades of 0 and 1 taken as they are, bad completions would teach nothing.</summary>
    public RewardScale RewardScale { get; init; } = RewardScale.UnitToSigned;

    /// <summary>c, subtracted from R: below 0 good completions count more, above 0 bad ones. -1 with signed rewards learns from good ones only.</summary>
    [Range(-100.0, 100.0)]
    public double Baseline { get; init; }

    /// <summary>
    /// Instead of a baseline: the share of Σ|R − c| that completions with a positive advantage are to have. c is solved in every step.
    /// The paper's accuracy peaks at 0.1 to 0.2, on other tasks 0.5 and more was better.
    /// </summary>
    [Range(0.001, 1.0)]
    public double? TargetPositiveShare { get; init; }

    /// <summary>How the step is averaged. `completion_mean` divides each completion by its length, `completion_sum` does not.</summary>
    public LossReduction Reduction { get; init; } = LossReduction.CompletionMean;

    /// <summary>Keeps only the first so many completions with R above 0 of each prompt; absent: all. 1: Anna Karenina sampling.</summary>
    [Range(1, 1024)]
    public int? MaxPositivesPerPrompt { get; init; }

    /// <summary>Keeps only the first so many completions with R of 0 or less of each prompt; absent: all.</summary>
    [Range(0, 1024)]
    public int? MaxNegativesPerPrompt { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (TargetPositiveShare is not null && Baseline != 0)
        {
            yield return new ValidationResult("the share decides the baseline: give one of the two", [nameof(TargetPositiveShare)]);
        }
    }
}

/// <summary>
/// Tapered off-policy REINFORCE (Le Roux et al. 2025, arXiv:2503.14286): good completions are imitated with weight 1, bad ones
/// are unlearned with the ratio πθ(y|x)/μ(y|x) truncated to [0, 1], so that what the policy no longer says is left alone.
/// The limits give its relatives: naive REINFORCE (all 1), truncated IS (both [0, 1]), full IS (both [0, ∞)).
/// </summary>
internal sealed class Topr(ToprOptions options) : ComposedRule(Compose(options)), IAlgorithm<Topr, ToprOptions>
{
    public static string Name => "topr";

    public static string Summary => "Tapered off-policy REINFORCE: imitates good completions and unlearns bad ones with a truncated importance ratio.";

    public static string Paper => "arXiv:2503.14286";

    public static Topr Create(ToprOptions options) => new(options);

    public override CreditReport AssignCredit(StepRollouts step)
    {
        var report = base.AssignCredit(step);
        var worst = step.Completions.Select(completion => completion.Grade).DefaultIfEmpty().Min();
        return step.Completions.All(completion => completion.Grade == worst) || report.Credits.Any(credit => credit.Advantage < 0)
            ? report
            : report with { Notices = [NoNegatives] };
    }

    private static RuleNotice NoNegatives { get; } = new(
        "no_negatives",
        "Some completions are graded worse than others, yet none has a negative advantage: the run only imitates, and TOPR's taper does nothing. "
        + "If that is not meant, take reward_scale unit_to_signed for grades from 0 to 1, raise the baseline, or keep negatives.");

    private static Composition Compose(ToprOptions options) => new()
    {
        Rewards = new() { Scale = options.RewardScale },
        Filters = new() { MaxPositivesPerPrompt = options.MaxPositivesPerPrompt, MaxNegativesPerPrompt = options.MaxNegativesPerPrompt },
        Advantage = options.TargetPositiveShare is { } share
            ? new TargetShareAdvantage { PositiveShare = share }
            : new RawAdvantage { Baseline = options.Baseline },
        Terms =
        [
            new()
            {
                Loss = new ScoreLoss(),
                Weight = new TaperWeight { Level = options.RatioLevel, Positive = options.PositiveTaper, Negative = options.NegativeTaper },
                Reduction = options.Reduction,
            },
        ],
    };
}
