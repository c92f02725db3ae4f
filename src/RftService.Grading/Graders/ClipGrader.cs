using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Composition;

namespace RftService.Grading.Graders;

/// <summary>Limits a grade to a range. Needs `min` or `max` or both.</summary>
public sealed record ClipSpec : GraderSpec
{
    /// <summary>The grader.</summary>
    public required GraderSpec Grader { get; init; }

    /// <summary>Smallest grade; absent: none.</summary>
    [Range(-1e9, 1e9)]
    public double? Min { get; init; }

    /// <summary>Largest grade; absent: none.</summary>
    [Range(-1e9, 1e9)]
    public double? Max { get; init; }
}

/// <summary>Limits the grade of its part.</summary>
internal sealed class ClipGrader(ClipSpec spec, IGrader grader) : IHostedGrader<ClipGrader, ClipSpec>
{
    public static string TypeName => "clip";

    public static string Summary => "Limits the grade of another grader to a range.";

    public static ClipGrader Create(ClipSpec spec, GraderHost host) => (spec.Min, spec.Max) switch
    {
        (null, null) => throw new GraderSpecException("/min", "Expected a min or a max, found neither. Set one."),
        ({ } min, { } max) when min > max => throw new GraderSpecException("/max",
            FormattableString.Invariant($"Expected max to be at least min ({min}), found {max}.")),
        _ => new ClipGrader(spec, host.CreatePart(spec.Grader, "/grader")),
    };

    public bool ComparesCompletions => grader.ComparesCompletions;

    public RowFault? Reject(JsonElement item) => grader.Reject(item);

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var grades = new PartGrades();
        var grade = await grader.ScoreAsync(input, cancellation);
        var value = Math.Min(Math.Max(grade.Value ?? 0, spec.Min ?? double.NegativeInfinity), spec.Max ?? double.PositiveInfinity);
        grades.Add(spec.Grader.Name, grade, share: value == grade.Value ? 1 : 0);
        return grades.Conclude(value, grade.Reason);
    }
}
