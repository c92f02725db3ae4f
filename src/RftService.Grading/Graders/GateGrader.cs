using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using RftService.Grading.Composition;

namespace RftService.Grading.Graders;

/// <summary>Pays one reward only when another passes: style only for right answers, say.</summary>
public sealed record GateSpec : GraderSpec
{
    /// <summary>The grader that must pass.</summary>
    public required GraderSpec Condition { get; init; }

    /// <summary>The condition passes when its grade is at least this.</summary>
    [Range(-1e9, 1e9)]
    public double Threshold { get; init; } = 0.5;

    /// <summary>The reward behind the gate; not graded when the condition does not pass.</summary>
    public required GraderSpec Grader { get; init; }

    /// <summary>The grade when the condition does not pass.</summary>
    [Range(-1e9, 1e9)]
    public double Otherwise { get; init; }
}

/// <summary>Grades by its second part when the first passes.</summary>
internal sealed class GateGrader(GateSpec spec, IGrader condition, IGrader reward) : IHostedGrader<GateGrader, GateSpec>
{
    public static string TypeName => "gate";

    public static string Summary => "Pays the grade of one grader only when another grader passes a threshold.";

    public static GateGrader Create(GateSpec spec, GraderHost host) =>
        new(spec, host.CreatePart(spec.Condition, "/condition"), host.CreatePart(spec.Grader, "/grader"));

    public bool ComparesCompletions => condition.ComparesCompletions || reward.ComparesCompletions;

    public RowFault? Reject(JsonElement item) =>
        condition.Reject(item) is { } closed ? closed with { Message = $"{spec.Condition.Name}: {closed.Message}" }
        : reward.Reject(item) is { } behind ? behind with { Message = $"{spec.Grader.Name}: {behind.Message}" }
        : null;

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var grades = new PartGrades();
        var key = await condition.ScoreAsync(input, cancellation);
        grades.Add(spec.Condition.Name, key);
        if (key.Value is { } opened && opened < spec.Threshold)
        {
            return grades.Conclude(spec.Otherwise, string.Create(
                CultureInfo.InvariantCulture, $"{spec.Condition.Name} gave {opened}, less than {spec.Threshold}"));
        }

        // The reward of a condition without a value is not known: neither paid nor withheld.
        if (grades.Missing() is { } missing)
        {
            return missing;
        }

        var paid = await reward.ScoreAsync(input, cancellation);
        grades.Add(spec.Grader.Name, paid, share: 1);
        return grades.Conclude(paid.Value ?? 0, paid.Reason);
    }
}
