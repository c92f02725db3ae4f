using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;

namespace RftService.Grading.Judges;

/// <summary>A model gives a number. The fields are OpenAI's, and `endpoint`, `votes`, budgets and `cache` besides.</summary>
public sealed record ScoreModelSpec : JudgeSpec, IValidatableObject
{
    /// <summary>Lowest and highest score; an answer outside is taken as the nearer of them.</summary>
    [MinLength(2)]
    [MaxLength(2)]
    public IReadOnlyList<double> Range { get; init; } = [0, 1];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Range is [var low, var high] && !(low < high))
        {
            yield return new ValidationResult($"expected the lower bound first, got {low} and {high}", [nameof(Range)]);
        }
    }
}

/// <summary>Grades by a model's score.</summary>
internal sealed class ScoreModelGrader(Judge judge, double low, double high) : IHostedGrader<ScoreModelGrader, ScoreModelSpec>
{
    public static string TypeName => "score_model";

    public static string Summary => "A judging model gives a score within a range.";

    public static ScoreModelGrader Create(ScoreModelSpec spec, GraderHost host)
    {
        if (spec.Range is not [var low, var high] || !double.IsFinite(low) || !double.IsFinite(high) || low >= high)
        {
            throw new GraderSpecException("/range", "Expected two finite numbers, the lower first.");
        }

        return new ScoreModelGrader(new Judge(spec, host, AnswerSchema.Decision(spec, "result", AnswerSchema.Type("number"))), low, high);
    }

    public RowFault? Reject(JsonElement item) => judge.Reject(item);

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var (answers, failed) = await judge.AskAsync(input, cancellation);
        if (failed is not null)
        {
            return failed;
        }

        var scores = new List<double>();
        foreach (var answer in answers)
        {
            if (!answer.TryGetProperty("result", out var result) || NumberOf(result) is not { } score)
            {
                return Grade.Failed(GradeError.ModelGraderParseError, "The judge's answer has no number 'result'.");
            }

            scores.Add(Math.Clamp(score, low, high));
        }

        return Grade.Of(scores.Average(), answers.Count == 1 ? ReasonOf(answers[0]) : string.Create(CultureInfo.InvariantCulture, $"votes {string.Join(", ", scores)}"));
    }

    /// <summary>The conclusions of a judge's steps, in its words.</summary>
    internal static string? ReasonOf(JsonElement answer) =>
        answer.TryGetProperty("steps", out var steps) && steps.ValueKind == JsonValueKind.Array
            ? string.Join(" ", steps.EnumerateArray()
                .Where(step => step.ValueKind == JsonValueKind.Object && step.TryGetProperty("conclusion", out var conclusion) && conclusion.ValueKind == JsonValueKind.String)
                .Select(step => step.GetProperty("conclusion").GetString())) is { Length: > 0 } text
                ? text.Length <= 1000 ? text : text[..1000]
                : null
            : null;

    private static double? NumberOf(JsonElement result) => result.ValueKind switch
    {
        JsonValueKind.Number when double.IsFinite(result.GetDouble()) => result.GetDouble(),
        JsonValueKind.String when double.TryParse(result.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) => number,
        _ => null,
    };
}
