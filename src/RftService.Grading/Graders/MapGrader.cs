using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Composition;

namespace RftService.Grading.Graders;

/// <summary>Moves a grade linearly from one range to another: `from_low` becomes `to_low`, `from_high` becomes `to_high`.</summary>
public sealed record MapSpec : GraderSpec
{
    /// <summary>The grader.</summary>
    public required GraderSpec Grader { get; init; }

    /// <summary>The grade that becomes `to_low`.</summary>
    [Range(-1e9, 1e9)]
    public double FromLow { get; init; }

    /// <summary>The grade that becomes `to_high`; differs from `from_low`.</summary>
    [Range(-1e9, 1e9)]
    public double FromHigh { get; init; } = 1;

    /// <summary>What `from_low` becomes.</summary>
    [Range(-1e9, 1e9)]
    public double ToLow { get; init; }

    /// <summary>What `from_high` becomes; may be less than `to_low`, to turn a reward into a penalty.</summary>
    [Range(-1e9, 1e9)]
    public double ToHigh { get; init; } = 1;

    /// <summary>Grades outside the first range are taken as its nearest end; else the line goes on.</summary>
    public bool Clamp { get; init; } = true;
}

/// <summary>Maps the grade of its part.</summary>
internal sealed class MapGrader(MapSpec spec, IGrader grader) : IHostedGrader<MapGrader, MapSpec>
{
    public static string TypeName => "map";

    public static string Summary => "Moves the grade of another grader linearly from one range to another.";

    public static MapGrader Create(MapSpec spec, GraderHost host) => Math.Abs(spec.FromHigh - spec.FromLow) >= 1e-9
        ? new MapGrader(spec, host.CreatePart(spec.Grader, "/grader"))
        : throw new GraderSpecException("/from_high", "Expected from_high to differ from from_low: between equal ends there is no line.");

    public bool ComparesCompletions => grader.ComparesCompletions;

    public RowFault? Reject(JsonElement item) => grader.Reject(item);

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var grades = new PartGrades();
        var grade = await grader.ScoreAsync(input, cancellation);
        var share = ((grade.Value ?? 0) - spec.FromLow) / (spec.FromHigh - spec.FromLow);
        var clamped = spec.Clamp && share is (< 0 or > 1);
        share = clamped ? Math.Clamp(share, 0, 1) : share;
        grades.Add(spec.Grader.Name, grade, share: clamped ? 0 : (spec.ToHigh - spec.ToLow) / (spec.FromHigh - spec.FromLow));
        return grades.Conclude(((1 - share) * spec.ToLow) + (share * spec.ToHigh), grade.Reason);
    }
}
