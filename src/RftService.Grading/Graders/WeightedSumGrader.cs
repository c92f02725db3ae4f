using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Composition;

namespace RftService.Grading.Graders;

/// <summary>Adds weighted grades. When a part fails the sum fails, and when one abstains the sum abstains: neither counts as 0.</summary>
public sealed record WeightedSumSpec : GraderSpec
{
    /// <summary>1 to 32 parts; the names of all graders of a reward differ.</summary>
    [Length(1, 32)]
    public required IReadOnlyList<WeightedGrader> Graders { get; init; }

    /// <summary>Divide by the sum of the absolute weights, so that parts in [0, 1] give a sum in [-1, 1].</summary>
    public bool Normalize { get; init; }
}

/// <summary>A part of a weighted sum.</summary>
public sealed record WeightedGrader
{
    /// <summary>Factor of the grade; negative for a penalty, 0 to only report the part.</summary>
    [Range(-1000.0, 1000.0)]
    public double Weight { get; init; } = 1;

    /// <summary>Multiplies the weight by the step of the run, as to let a part fade in or out; absent: 1 at all steps.</summary>
    public WeightSchedule? Schedule { get; init; }

    /// <summary>The grader.</summary>
    public required GraderSpec Grader { get; init; }
}

/// <summary>Adds the grades of its parts.</summary>
internal sealed class WeightedSumGrader(IReadOnlyList<WeightedSumGrader.Part> parts) : IHostedGrader<WeightedSumGrader, WeightedSumSpec>
{
    public static string TypeName => "weighted_sum";

    public static string Summary => "Adds the grades of other graders by weight and reports every part.";

    public static WeightedSumGrader Create(WeightedSumSpec spec, GraderHost host)
    {
        for (var i = 0; i < spec.Graders.Count; i++)
        {
            spec.Graders[i].Schedule?.Check($"/graders/{i}/schedule");
            if (spec.Graders[i].Schedule is not null && spec.Normalize)
            {
                throw new GraderSpecException("/normalize", "Weights that change with the step cannot be normalized once for all: set normalize to false.");
            }
        }

        var scale = spec.Normalize ? spec.Graders.Sum(part => Math.Abs(part.Weight)) : 1;
        // Subnormal weights would overflow the quotient.
        if (scale < 1e-9)
        {
            throw new GraderSpecException(
                "/graders",
                "Expected a weight other than 0 to normalize by, found none. Set weights, or normalize to false.");
        }

        return new WeightedSumGrader(spec.Graders
            .Select((part, index) => new Part(
                part.Grader.Name,
                part.Weight / scale,
                part.Schedule,
                host.CreatePart(part.Grader, $"/graders/{index}/grader")))
            .ToArray());
    }

    public bool ComparesCompletions => parts.Any(part => part.Grader.ComparesCompletions);

    public RowFault? Reject(JsonElement item)
    {
        foreach (var part in parts)
        {
            if (part.Grader.Reject(item) is { } fault)
            {
                return fault with { Message = $"{part.Name}: {fault.Message}" };
            }
        }

        return null;
    }

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var sum = 0.0;
        var grades = new PartGrades();
        foreach (var (name, constant, schedule, grader) in parts)
        {
            if (schedule is not null && input.Step is null)
            {
                return Grade.Failed(GradeError.OtherError, $"The weight of {name} follows the step of a run, and there is none here: give a step.");
            }

            var weight = constant * (schedule?.At(input.Step!.Value) ?? 1);
            var grade = await grader.ScoreAsync(input, cancellation);
            grades.Add(name, grade, share: weight);
            sum += weight * (grade.Value ?? 0); // without a value the sum is not used
        }

        return grades.Conclude(sum);
    }

    internal sealed record Part(string Name, double Weight, WeightSchedule? Schedule, IGrader Grader);
}
