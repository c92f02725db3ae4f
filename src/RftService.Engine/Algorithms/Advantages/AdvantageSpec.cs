using System.Text.Json.Serialization;

namespace RftService.Engine.Algorithms.Advantages;

/// <summary>How rewards become advantages; `type` selects it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(UnitAdvantage), "one")]
[JsonDerivedType(typeof(RawAdvantage), "raw")]
[JsonDerivedType(typeof(TargetShareAdvantage), "target_share")]
[JsonDerivedType(typeof(CenterAdvantage), "center")]
[JsonDerivedType(typeof(CenterStdAdvantage), "center_std")]
[JsonDerivedType(typeof(LeaveOneOutAdvantage), "leave_one_out")]
[JsonDerivedType(typeof(LogMeanExpAdvantage), "log_mean_exp")]
[JsonDerivedType(typeof(BalancedAdvantage), "balanced")]
[JsonDerivedType(typeof(BatchStdAdvantage), "batch_std")]
[JsonDerivedType(typeof(WhitenedAdvantage), "whitened")]
public abstract record AdvantageSpec
{
    /// <summary>One credit for each completion that was kept, in order.</summary>
    internal abstract IReadOnlyList<Credit> Assign(AdvantageInput step);
}

/// <summary>What an estimator sees.</summary>
/// <param name="Kept">Completions that take part in the loss.</param>
/// <param name="All">The same and those of prompts that were left out as a whole, for statistics over the batch.</param>
/// <param name="Seed">Of what is drawn at random.</param>
internal sealed record AdvantageInput(IReadOnlyList<GradedCompletion> Kept, IReadOnlyList<GradedCompletion> All, ulong Seed);

/// <summary>An estimator that looks at one completion, or at those of one prompt.</summary>
public abstract record GroupAdvantageSpec : AdvantageSpec
{
    /// <summary>Advantages of the completions of a prompt from their rewards.</summary>
    internal abstract IEnumerable<double> Of(double[] rewards);

    internal override IReadOnlyList<Credit> Assign(AdvantageInput step) => [.. step.Kept
        .GroupBy(completion => completion.Group)
        .SelectMany(group => group.Zip(
            Of([.. group.Select(completion => completion.Return)]),
            (completion, advantage) => new Credit(completion, advantage)))];
}
