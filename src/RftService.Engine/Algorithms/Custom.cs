using System.ComponentModel.DataAnnotations;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Filters;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Data;

namespace RftService.Engine.Algorithms;

/// <summary>A learning rule put together by the client. The defaults are GRPO with an average over tokens.</summary>
public sealed record CustomOptions : AlgorithmOptions, IValidatableObject
{
    /// <summary>What is made of a grade before advantages are estimated.</summary>
    public RewardSpec Rewards { get; init; } = new();

    /// <summary>What takes part in the loss.</summary>
    public FilterSpec Filters { get; init; } = new();

    /// <summary>How rewards become advantages.</summary>
    public AdvantageSpec Advantage { get; init; } = new CenterStdAdvantage();

    /// <summary>The loss is the sum of these.</summary>
    [MinLength(1)]
    [MaxLength(8)]
    public IReadOnlyList<TermSpec> Terms { get; init; } = [new() { Loss = new ClipLoss() }];

    /// <summary>Times that prompts whose grades are all equal are replaced by new ones in a step; 0: never.</summary>
    [Range(0, 100)]
    public int RefillRounds { get; init; }

    /// <summary>Leaves out prompts that are solved; absent: none.</summary>
    public RetirementSpec? Retirement { get; init; }

    /// <summary>What is put into the groups after they are graded; absent: nothing.</summary>
    public GuidanceSpec? Guidance { get; init; }

    /// <summary>Expert rows in each step, for terms of the source `experts`; they are left out while those terms weigh nothing.</summary>
    [Range(0, 4096)]
    public int ExpertRowsPerStep { get; init; }

    /// <summary>What is learned from earlier steps; absent: nothing.</summary>
    public ReplaySpec? Replay { get; init; }

    /// <summary>Tokens drawn at each position, for `one_token`. The dataset is then one of expert completions; absent: none.</summary>
    public DrawSpec? Draws { get; init; }

    /// <summary>Steps after which the policy itself becomes the reference; absent: it stays the base model.</summary>
    [Range(1, 1_000_000)]
    public int? NewReferenceAfter { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Terms.GroupBy(term => term.Name).FirstOrDefault(name => name.Count() > 1) is { } twice)
        {
            yield return new ValidationResult($"each term needs a name of its own: '{twice.Key}' is given {twice.Count()} times", [nameof(Terms)]);
        }

        if (RefillRounds > 0 && !Filters.DropZeroVariance)
        {
            yield return new ValidationResult("replacing prompts without variance goes with filters.drop_zero_variance", [nameof(RefillRounds)]);
        }

        foreach (var (message, member) in SourceFaults().Concat(DrawFaults()))
        {
            yield return new ValidationResult(message, [member]);
        }
    }

    // A source without a term would be sampled or read for nothing, and a term without its source would never count.
    private IEnumerable<(string Message, string Member)> SourceFaults()
    {
        if (ExpertRowsPerStep > 0 && Guidance is TeacherGuidance or TruthGuidance)
        {
            yield return ("the expert dataset is either learned from beside the rollouts or the source of the guidance", nameof(ExpertRowsPerStep));
        }

        var giver = new Dictionary<RowSource, (bool Given, string Member, string By)>
        {
            [RowSource.Experts] = (ExpertRowsPerStep > 0 || Guidance is TeacherGuidance, nameof(ExpertRowsPerStep), "expert_rows_per_step or a guidance of teachers"),
            [RowSource.Replay] = (Replay is SelfImitation, nameof(Replay), "a replay of self_imitation"),
        };
        foreach (var (source, (given, member, by)) in giver)
        {
            var name = source == RowSource.Experts ? "experts" : "replay";
            var asked = Terms.Any(term => term.Source == source);
            if (asked && !given)
            {
                yield return ($"a term of the source {name} needs {by}", nameof(Terms));
            }
            else if (given && !asked)
            {
                yield return ($"no term learns from it: give one the source {name}", member);
            }
        }
    }

    private IEnumerable<(string Message, string Member)> DrawFaults()
    {
        if (Terms.Any(term => term.Loss.NeedsDraws) && Draws is null)
        {
            yield return ("one_token needs draws", nameof(Draws));
        }

        if (Draws is null)
        {
            yield break;
        }

        if (Terms.Any(term => !term.Loss.NeedsDraws && term.Loss is not ImitationLoss))
        {
            yield return ("with draws the completions are given ones, without a policy that wrote them: only one_token and imitation can learn from them", nameof(Terms));
        }

        if (Terms.Any(term => term.Source != RowSource.Rollouts) || Guidance is not null || Replay is not null || ExpertRowsPerStep > 0)
        {
            yield return ("with draws nothing is sampled: there is nothing to guide, to replay or to learn beside", nameof(Draws));
        }
    }
}

/// <summary>A rule of the client's own: filters, an advantage and a sum of loss terms, from the components of the named rules.</summary>
internal sealed class Custom(CustomOptions options) : ComposedRule(Compose(options)), IAlgorithm<Custom, CustomOptions>
{
    public static string Name => "custom";

    public static string Summary => "A composition of your own: rewards, filters, an advantage and a sum of loss terms; with help, replay and expert rows where you want them.";

    public static string Paper => "none";

    public override IReadOnlyList<DataKind> Accepts =>
        options.Draws is not null ? [DataKind.Expert]
        : options.Guidance is not null || options.Replay is not null || NeedsExperts ? [DataKind.Prompts]
        : base.Accepts;

    public bool NeedsExperts => options.ExpertRowsPerStep > 0 || options.Guidance is TeacherGuidance or TruthGuidance;

    public GuidanceSpec? Guidance => options.Guidance;

    public ReplaySpec? Replay => options.Replay;

    public DrawSpec? Draws => options.Draws;

    public int? NewReferenceAfter => options.NewReferenceAfter;

    public static Custom Create(CustomOptions options) => new(options);

    public int ExpertRows(int step, double meanReward) =>
        options.Terms.Any(term => term.Source == RowSource.Experts && term.Factor.At(step, meanReward) > 0) ? options.ExpertRowsPerStep : 0;

    private static Composition Compose(CustomOptions options) => new()
    {
        Rewards = options.Rewards,
        Filters = options.Filters,
        Advantage = options.Advantage,
        Terms = options.Terms,
        RefillRounds = options.RefillRounds,
        Retirement = options.Retirement,
    };
}
