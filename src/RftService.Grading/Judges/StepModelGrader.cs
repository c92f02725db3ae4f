using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace RftService.Grading.Judges;

/// <summary>
/// A model scores every step of a completion by itself. In its messages `{{ sample.output_text }}` stands for the steps, each between numbered
/// tags; it answers {"steps": [{"step": 1, "conclusion": "...", "score": 0.5}, ...]}, one entry a step. The value of the whole is made of the
/// scores, and each step keeps its share of it as a reward of its own tokens: rules that credit tokens (reinforce-plus-plus, capo, tp-grpo,
/// or the advantage whitened) see them, all others the value. In a weighted_sum with weight 0 the steps are only shown to the rule.
/// </summary>
public sealed record StepModelSpec : JudgeSpec, IValidatableObject
{
    /// <summary>Where one step ends and the next begins.</summary>
    public StepSplit Split { get; init; } = StepSplit.Lines;

    /// <summary>For the split `pattern`: a regular expression of what separates steps.</summary>
    [StringLength(SpecLimits.Pattern, MinimumLength = 1)]
    public string? Pattern { get; init; }

    /// <summary>Steps at most; what is left is part of the last one.</summary>
    [Range(1, 256)]
    public int MaxSteps { get; init; } = 64;

    /// <summary>Lowest and highest score of a step; an answer outside is taken as the nearer of them.</summary>
    [MinLength(2)]
    [MaxLength(2)]
    public IReadOnlyList<double> Range { get; init; } = [0, 1];

    /// <summary>How several votes on a step become one score.</summary>
    public StepVotes Combine { get; init; } = StepVotes.Mean;

    /// <summary>How the scores of the steps become the value of the whole.</summary>
    public StepAggregate Aggregate { get; init; } = StepAggregate.Mean;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Range is [var low, var high] && !(low < high))
        {
            yield return new ValidationResult($"expected the lower bound first, got {low} and {high}", [nameof(Range)]);
        }
    }
}

/// <summary>Where steps end.</summary>
public enum StepSplit
{
    /// <summary>At line breaks.</summary>
    Lines,

    /// <summary>At empty lines.</summary>
    Paragraphs,

    /// <summary>At matches of a pattern.</summary>
    Pattern,
}

/// <summary>How several votes on a step become one score.</summary>
public enum StepVotes
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The lowest: one vote suffices to find a step wrong.</summary>
    Worst,

    /// <summary>The highest: a step is wrong only when all votes say so.</summary>
    Best,

    /// <summary>The middle one; of an even number the lower of both.</summary>
    Median,
}

/// <summary>How the scores of steps become one value.</summary>
public enum StepAggregate
{
    /// <summary>Their mean; each step contributes its share.</summary>
    Mean,

    /// <summary>Their sum; more steps can earn more, so mind the length.</summary>
    Sum,

    /// <summary>The lowest, contributed by the first step that has it.</summary>
    Min,

    /// <summary>That of the last step.</summary>
    Last,
}

/// <summary>Grades by a model's scores of steps.</summary>
internal sealed class StepModelGrader(StepModelSpec spec, Judge judge, Regex separator) : IHostedGrader<StepModelGrader, StepModelSpec>
{
    private static readonly TimeSpan PatternLimit = TimeSpan.FromSeconds(1);

    public static string TypeName => "step_model";

    public static string Summary => "A judging model scores every step of a completion; rules that credit tokens see each step's reward.";

    public static StepModelGrader Create(StepModelSpec spec, GraderHost host)
    {
        if (spec.Range is not [var low, var high] || !double.IsFinite(low) || !double.IsFinite(high) || low >= high)
        {
            throw new GraderSpecException("/range", "Expected two finite numbers, the lower first.");
        }

        if (spec.Split == StepSplit.Pattern != spec.Pattern is not null)
        {
            throw new GraderSpecException("/pattern", spec.Pattern is null ? "The split pattern needs one." : "Leave pattern out, or set split to pattern.");
        }

        (string, JsonNode)[] step = [("step", AnswerSchema.Type("integer")), ("conclusion", AnswerSchema.Type("string")), ("score", AnswerSchema.Type("number"))];
        var schema = AnswerSchema.Object(("steps", AnswerSchema.List(AnswerSchema.Object([.. step.Where(member => spec.Explain || member.Item1 != "conclusion")]))));
        var judge = new Judge(spec, host, schema);
        return judge.Shows
            ? new StepModelGrader(spec, judge, SeparatorOf(spec))
            : throw new GraderSpecException("/input", "No message shows the steps: write {{ sample.output_text }} where they shall stand.");
    }

    public RowFault? Reject(JsonElement item) => judge.Reject(item);

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        List<(int Start, int Length)> steps;
        try
        {
            steps = Split(input.OutputText);
        }
        catch (RegexMatchTimeoutException)
        {
            return Grade.Failed(GradeError.UnresponsiveRewardError, "The pattern between steps took too long.");
        }

        if (steps.Count == 0)
        {
            return Grade.Abstain("The completion has no steps.");
        }

        var texts = steps.Select(step => input.OutputText.Substring(step.Start, step.Length).Trim()).ToArray();
        var (answers, failed) = await judge.AskAsync(input with { OutputText = Marked.Join("step", texts) }, cancellation);
        if (failed is not null)
        {
            return failed;
        }

        var votes = answers.Select(answer => Read(answer, steps.Count)).ToArray();
        return votes.Any(vote => vote is null)
            ? Grade.Failed(GradeError.ModelGraderParseError, $"The judge's answer does not score each of the {steps.Count} steps once.")
            : Conclude(steps, [.. steps.Select((_, i) => Combine([.. votes.Select(vote => vote![i])]))]);
    }

    private static Regex SeparatorOf(StepModelSpec spec)
    {
        try
        {
            return new Regex(
                spec.Split switch { StepSplit.Lines => @"\r?\n", StepSplit.Paragraphs => @"\r?\n[ \t]*\r?\n\s*", StepSplit.Pattern => spec.Pattern! },
                RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, PatternLimit);
        }
        catch (Exception fault) when (fault is ArgumentException or NotSupportedException)
        {
            throw new GraderSpecException("/pattern", "Expected a regular expression without lookarounds and back references: " + fault.Message);
        }
    }

    // Every character belongs to a step, separators to the one before them; what is blank makes no step of its own.
    private List<(int Start, int Length)> Split(string text)
    {
        var steps = new List<(int Start, int Length)>();
        var start = 0;
        foreach (var end in separator.Matches(text).Select(match => match.Index + match.Length).Append(text.Length))
        {
            if (steps.Count < spec.MaxSteps && !string.IsNullOrWhiteSpace(text[start..end]))
            {
                steps.Add((start, end - start));
            }
            else if (steps.Count > 0)
            {
                steps[^1] = (steps[^1].Start, end - steps[^1].Start);
            }

            start = end;
        }

        return steps;
    }

    private double Combine(double[] votes)
    {
        Array.Sort(votes);
        return spec.Combine switch
        {
            StepVotes.Mean => votes.Average(),
            StepVotes.Worst => votes[0],
            StepVotes.Best => votes[^1],
            StepVotes.Median => votes[(votes.Length - 1) / 2],
        };
    }

    private Grade Conclude(List<(int Start, int Length)> steps, double[] scores)
    {
        var rewards = new double[scores.Length];
        switch (spec.Aggregate)
        {
            case StepAggregate.Mean:
                rewards = Array.ConvertAll(scores, score => score / scores.Length);
                break;
            case StepAggregate.Sum:
                rewards = scores;
                break;
            case StepAggregate.Min:
                var worst = Array.IndexOf(scores, scores.Min());
                rewards[worst] = scores[worst];
                break;
            case StepAggregate.Last:
                rewards[^1] = scores[^1];
                break;
        }

        return Grade.Of(rewards.Sum(), $"{scores.Length} steps") with
        {
            Steps = [.. steps.Select((step, i) => new StepGrade(step.Start, step.Length, rewards[i], scores[i]))],
        };
    }

    private double[]? Read(JsonElement answer, int count)
    {
        var scores = new double?[count];
        if (!answer.TryGetProperty("steps", out var list) || list.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        foreach (var entry in list.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object
                || !entry.TryGetProperty("step", out var number) || number.ValueKind != JsonValueKind.Number || !number.TryGetInt32(out var step)
                || !entry.TryGetProperty("score", out var given) || given.ValueKind != JsonValueKind.Number || !double.IsFinite(given.GetDouble())
                || step < 1 || step > count || scores[step - 1] is not null)
            {
                return null;
            }

            scores[step - 1] = Math.Clamp(given.GetDouble(), spec.Range[0], spec.Range[1]);
        }

        return scores.All(score => score is not null) ? [.. scores.Select(score => score!.Value)] : null;
    }
}
