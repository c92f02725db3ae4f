using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using RftService.Api.Http;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Api.Rollouts;

/// <summary>One completion of a run.</summary>
public sealed record RolloutResponse
{
    /// <summary>Step that it was sampled in, or after which it was evaluated.</summary>
    public required int Step { get; init; }

    /// <summary>True when it was sampled for an evaluation.</summary>
    public required bool Evaluation { get; init; }

    /// <summary>Position of its group in the step.</summary>
    public required int Group { get; init; }

    /// <summary>Position in the group.</summary>
    public required int Sample { get; init; }

    /// <summary>Row of the dataset, from 0.</summary>
    public required int Row { get; init; }

    /// <summary>The prompt as given to the tokenizer.</summary>
    public required string Prompt { get; init; }

    /// <summary>What the model, or an expert in its group, wrote.</summary>
    public required string Completion { get; init; }

    /// <summary>`end_of_text`, `stop_text` or `length`.</summary>
    public required string StopReason { get; init; }

    /// <summary>Who wrote it: `policy`, `hinted` (the policy, from the prompt with the row's hint) or `expert`.</summary>
    public required string Origin { get; init; }

    /// <summary>Tokens of the completion.</summary>
    public required int Tokens { get; init; }

    /// <summary>Null when the grader abstained or failed; that is not 0.</summary>
    public required double? Reward { get; init; }

    /// <summary>Why the grader failed; null when it did not.</summary>
    public required string? ErrorCode { get; init; }

    /// <summary>What the grader says.</summary>
    public required string? Reason { get; init; }

    /// <summary>Parts of a composed reward by name.</summary>
    public required IReadOnlyDictionary<string, double>? Parts { get; init; }

    /// <summary>Whatever else the grader told of the completion: texts, numbers and truth values by name; null: nothing.</summary>
    public required IReadOnlyDictionary<string, JsonElement>? Info { get; init; }

    /// <summary>Steps that a judge graded by themselves, with what each contributes to the reward; null: none.</summary>
    public required IReadOnlyList<GradedStep>? Steps { get; init; }

    /// <summary>
    /// With asynchrony, which policy drew which tokens: stretches in order, from first to last token. Null: all are of the policy before the step.
    /// </summary>
    public required IReadOnlyList<PolicyStretch>? PolicyVersions { get; init; }

    /// <summary>Time that the grading took, in milliseconds, waiting for a sandbox or a judge included; null when nothing was graded.</summary>
    public required double? GradingMs { get; init; }

    /// <summary>Reward after credit assignment; null when it was left out of the loss.</summary>
    public required float? Advantage { get; init; }
}

/// <summary>Which rollouts.</summary>
public sealed record RolloutQuery : ListRequest, IValidatableObject
{
    /// <summary>One step.</summary>
    [FromQuery(Name = "step")]
    [Description("Only this step; 0 is the evaluation before training")]
    [Range(0, int.MaxValue)]
    public int? Step { get; init; }

    /// <summary>The newest step that has rollouts.</summary>
    [FromQuery(Name = "latest")]
    [Description("true: only the newest step that has rollouts of the asked kind")]
    public bool? Latest { get; init; }

    /// <summary>Evaluation or training.</summary>
    [FromQuery(Name = "evaluation")]
    [Description("true: only evaluations; false: only training; both when absent")]
    public bool? Evaluation { get; init; }

    /// <summary>Lowest reward.</summary>
    [FromQuery(Name = "min_reward")]
    [Description("Only rewards of at least this")]
    public double? MinReward { get; init; }

    /// <summary>Highest reward.</summary>
    [FromQuery(Name = "max_reward")]
    [Description("Only rewards of at most this")]
    public double? MaxReward { get; init; }

    /// <summary>Grading errors.</summary>
    [FromQuery(Name = "errors")]
    [Description("true: only those that the grader failed on; false: only the others")]
    public bool? Errors { get; init; }

    /// <summary>A text.</summary>
    [FromQuery(Name = "contains")]
    [Description("Only those whose prompt or completion holds this text; capitals matter")]
    [StringLength(200, MinimumLength = 1)]
    public string? Contains { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Step is not null && Latest == true)
        {
            yield return new ValidationResult("give step or latest, not both", [nameof(Latest)]);
        }

        foreach (var (value, name) in new[] { (MinReward, nameof(MinReward)), (MaxReward, nameof(MaxReward)) })
        {
            if (value is { } given && !double.IsFinite(given))
            {
                yield return new ValidationResult("expected a finite number", [name]);
            }
        }

        if (MinReward > MaxReward)
        {
            yield return new ValidationResult(
                string.Create(CultureInfo.InvariantCulture, $"expected at least min_reward ({MinReward}), got {MaxReward}"), [nameof(MaxReward)]);
        }

        if (Cursor is not null && !RolloutCursor.TryParse(Cursor, out _))
        {
            yield return new ValidationResult("is no cursor: give next_cursor of the page before, unchanged", [nameof(Cursor)]);
        }
    }
}

/// <summary>A place in the list of a run's rollouts.</summary>
internal readonly record struct RolloutCursor(int Step, bool Evaluation, int Group, int Sample)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Step}-{(Evaluation ? 1 : 0)}-{Group}-{Sample}");

    public static bool TryParse(string text, out RolloutCursor cursor)
    {
        cursor = default;
        var parts = text.Length <= 48 ? text.Split('-') : [];
        var numbers = new int[4];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (parts.Length != numbers.Length || !int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]))
            {
                return false;
            }
        }

        cursor = new RolloutCursor(numbers[0], numbers[1] == 1, numbers[2], numbers[3]);
        return numbers[1] is 0 or 1;
    }
}
