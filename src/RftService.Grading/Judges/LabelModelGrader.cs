using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace RftService.Grading.Judges;

/// <summary>A model picks a label: 1 when it is one of those that pass, else 0. The fields are OpenAI's.</summary>
public sealed record LabelModelSpec : JudgeSpec
{
    /// <summary>What the judge may answer, 2 to 64 labels.</summary>
    [MinLength(2)]
    [MaxLength(64)]
    public required IReadOnlyList<string> Labels { get; init; }

    /// <summary>Those of them that pass.</summary>
    [MinLength(1)]
    [MaxLength(64)]
    public required IReadOnlyList<string> PassingLabels { get; init; }
}

/// <summary>Grades by a model's label.</summary>
internal sealed class LabelModelGrader(Judge judge, IReadOnlyList<string> labels, IReadOnlySet<string> passing) : IHostedGrader<LabelModelGrader, LabelModelSpec>
{
    public static string TypeName => "label_model";

    public static string Summary => "1 when the label that a judging model picks is one of those that pass, else 0.";

    public static LabelModelGrader Create(LabelModelSpec spec, GraderHost host)
    {
        if (spec.Labels.Any(label => string.IsNullOrWhiteSpace(label) || label.Length > 200) || spec.Labels.Distinct().Count() != spec.Labels.Count)
        {
            throw new GraderSpecException("/labels", "Expected different labels of 1 to 200 characters.");
        }

        if (spec.PassingLabels.FirstOrDefault(label => !spec.Labels.Contains(label)) is { } stray)
        {
            throw new GraderSpecException("/passing_labels", $"'{stray}' is none of the labels.");
        }

        var schema = AnswerSchema.Decision(spec, "result", AnswerSchema.OneOf("string", spec.Labels.Select(label => (JsonNode)label)));
        return new LabelModelGrader(new Judge(spec, host, schema), spec.Labels, spec.PassingLabels.ToHashSet(StringComparer.Ordinal));
    }

    public RowFault? Reject(JsonElement item) => judge.Reject(item);

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var (answers, failed) = await judge.AskAsync(input, cancellation);
        if (failed is not null)
        {
            return failed;
        }

        var picked = new List<string>();
        foreach (var answer in answers)
        {
            if (!answer.TryGetProperty("result", out var result) || result.ValueKind != JsonValueKind.String || !labels.Contains(result.GetString()!))
            {
                return Grade.Failed(GradeError.ModelGraderParseError, "The judge's answer has no 'result' that is one of the labels.");
            }

            picked.Add(result.GetString()!);
        }

        var pass = 2 * picked.Count(passing.Contains);
        return pass == picked.Count
            ? Grade.Abstain($"The votes are even: {string.Join(", ", picked)}.")
            : Grade.Of(pass > picked.Count ? 1 : 0, answers.Count == 1 ? ScoreModelGrader.ReasonOf(answers[0]) ?? picked[0] : $"votes {string.Join(", ", picked)}");
    }
}
