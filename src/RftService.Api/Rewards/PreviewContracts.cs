using System.ComponentModel.DataAnnotations;
using RftService.Api.Http;
using RftService.Grading;

namespace RftService.Api.Rewards;

/// <summary>
/// Samples completions of some rows of a dataset and grades them, so that a reward is known before a run spends time on it.
/// Stores nothing. Give `grader`, or `reward_id` and perhaps `version`; give `model` or `checkpoint_id`.
/// </summary>
public sealed record RewardPreviewRequest : IRequestBody<RewardPreviewRequest>, IValidatableObject
{
    /// <summary>A grader to try.</summary>
    public GraderSpec? Grader { get; init; }

    /// <summary>A stored reward to try.</summary>
    public string? RewardId { get; init; }

    /// <summary>Version of the stored reward; absent: the newest.</summary>
    [Range(1, int.MaxValue)]
    public int? Version { get; init; }

    /// <summary>Name or id of the model that completes the prompts.</summary>
    public string? Model { get; init; }

    /// <summary>A checkpoint that completes the prompts.</summary>
    public string? CheckpointId { get; init; }

    /// <summary>The dataset whose rows are taken, evenly spread over it; of kind `prompts` or `expert`.</summary>
    public required string DatasetId { get; init; }

    /// <summary>Rows, 1 to 64.</summary>
    [Range(1, 64)]
    public int Rows { get; init; } = 8;

    /// <summary>Completions of each row: the group of a run. 2 to 16.</summary>
    [Range(2, 16)]
    public int GroupSize { get; init; } = 8;

    /// <summary>Divides the logits.</summary>
    [Range(0.01, 10.0)]
    public double Temperature { get; init; } = 1.0;

    /// <summary>Tokens at most for each completion; absent: half of the model's context, 256 at most.</summary>
    [Range(1, 131_072)]
    public int? MaxTokens { get; init; }

    /// <summary>Step of a run that weights with a schedule are taken at; 0 is the first.</summary>
    [Range(0, 10_000_000)]
    public int Step { get; init; }

    /// <summary>The same seed gives the same completions.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("A stored reward on a registered model", """
            { "reward_id": "rw_00000000000000000000000000000000", "model": "word-problems",
              "dataset_id": "ds_00000000000000000000000000000000", "rows": 8, "group_size": 8 }
            """),
    ];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Grader is null == RewardId is null)
        {
            yield return new ValidationResult("give either grader or reward_id", [nameof(Grader)]);
        }

        if (Version is not null && RewardId is null)
        {
            yield return new ValidationResult("belongs to reward_id: leave it out", [nameof(Version)]);
        }

        if (Model is null == CheckpointId is null)
        {
            yield return new ValidationResult("give either model or checkpoint_id", [nameof(Model)]);
        }
    }
}

/// <summary>How a reward behaves on sampled completions.</summary>
public sealed record RewardPreview
{
    /// <summary>True when a run could learn from this reward on these prompts.</summary>
    public required bool Learnable { get; init; }

    /// <summary>What was noticed, the weightiest first.</summary>
    public required IReadOnlyList<PreviewFinding> Findings { get; init; }

    /// <summary>Completions that were graded.</summary>
    public required int Completions { get; init; }

    /// <summary>Mean reward; null when no completion has a value. Abstentions and errors are left out, they are not 0.</summary>
    public required double? Mean { get; init; }

    /// <summary>Standard deviation of the rewards; null below two values.</summary>
    public required double? Deviation { get; init; }

    /// <summary>Ten equal buckets from the lowest to the highest reward.</summary>
    public required IReadOnlyList<PreviewBucket> Histogram { get; init; }

    /// <summary>Share of the rows whose completions differ in reward, 0 to 1: only those teach.</summary>
    public required double RowsWithSpread { get; init; }

    /// <summary>
    /// Mean over the rows of the standard deviation among their completions, which rules that compare within a group learn from; null when no row
    /// has two values.
    /// </summary>
    public required double? DeviationWithinRows { get; init; }

    /// <summary>Share of completions cut at the token limit, 0 to 1.</summary>
    public required double TruncatedShare { get; init; }

    /// <summary>Share of completions on which the grader abstained, 0 to 1.</summary>
    public required double AbstainedShare { get; init; }

    /// <summary>Share of completions that could not be graded, 0 to 1; a run fails past its recipe's `max_grade_error_share`.</summary>
    public required double ErrorShare { get; init; }

    /// <summary>Errors by code.</summary>
    public required IReadOnlyDictionary<string, int> Errors { get; init; }

    /// <summary>Sub-rewards of a composed reward by grader name.</summary>
    public required IReadOnlyDictionary<string, PreviewPart> Parts { get; init; }

    /// <summary>Correlation of every two sub-rewards, −1 to 1; pairs of which one never varies are left out.</summary>
    public required IReadOnlyList<PreviewAgreement> Agreement { get; init; }

    /// <summary>Every completion with its grade, row by row.</summary>
    public required IReadOnlyList<PreviewSample> Samples { get; init; }

    /// <summary>Positions in `samples` of those whose grading took longest, the slowest first.</summary>
    public required IReadOnlyList<int> Slowest { get; init; }
}

/// <summary>One thing that was noticed.</summary>
/// <param name="Code">Stable.</param>
/// <param name="Message">What was seen, and what to do.</param>
public sealed record PreviewFinding(string Code, string Message);

/// <summary>Rewards within two bounds.</summary>
/// <param name="From">Lower bound, included.</param>
/// <param name="To">Upper bound; included in the last bucket.</param>
/// <param name="Count">How many.</param>
public sealed record PreviewBucket(double From, double To, int Count);

/// <summary>A sub-reward.</summary>
/// <param name="Mean">Over the completions that have it.</param>
/// <param name="Count">How many have it.</param>
public sealed record PreviewPart(double Mean, int Count);

/// <summary>How far two graders agree.</summary>
/// <param name="First">Name of one.</param>
/// <param name="Second">Name of the other.</param>
/// <param name="Correlation">Of Pearson, −1 to 1.</param>
public sealed record PreviewAgreement(string First, string Second, double Correlation);

/// <summary>One sampled and graded completion.</summary>
/// <param name="Row">Position in the dataset.</param>
/// <param name="OutputText">The completion.</param>
/// <param name="Truncated">True when it was cut at the token limit.</param>
/// <param name="Grade">What the grader said.</param>
public sealed record PreviewSample(long Row, string OutputText, bool Truncated, DryRunResult Grade);
