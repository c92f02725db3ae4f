using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;

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

    /// <summary>The grader.</summary>
    public required GraderSpec Grader { get; init; }
}

/// <summary>Adds the grades of its parts.</summary>
internal sealed class WeightedSumGrader(IReadOnlyList<WeightedSumGrader.Part> parts) : IGrader<WeightedSumGrader, WeightedSumSpec>
{
    public static string TypeName => "weighted_sum";

    public static string Summary => "Adds the grades of other graders by weight and reports every part.";

    public static WeightedSumGrader Create(WeightedSumSpec spec)
    {
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
                GraderCatalog.CreateNested(part.Grader, $"/graders/{index}/grader")))
            .ToArray());
    }

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

    public Grade Score(GradingInput input)
    {
        var sum = 0.0;
        Dictionary<string, double> values = new(StringComparer.Ordinal);
        (string Name, Grade Grade)? failed = null, abstained = null;
        foreach (var (name, weight, grader) in parts)
        {
            var grade = grader.Score(input);
            foreach (var (nested, value) in grade.Parts)
            {
                values[nested] = value;
            }

            if (grade.Value is { } own)
            {
                values[name] = own;
                sum += weight * own;
            }
            else if (grade.Error is not null)
            {
                failed ??= (name, grade);
            }
            else
            {
                abstained ??= (name, grade);
            }
        }

        return (failed, abstained) switch
        {
            ({ } fault, _) => Grade.Failed(fault.Grade.Error!.Value, $"{fault.Name}: {fault.Grade.Reason}", values),
            (_, { } none) => Grade.Abstain($"{none.Name}: {none.Grade.Reason}"),
            _ when double.IsFinite(sum) => Grade.Of(sum, parts: values),
            _ => Grade.Failed(GradeError.FormulaParseError, string.Create(CultureInfo.InvariantCulture, $"The sum is {sum}."), values),
        };
    }

    internal sealed record Part(string Name, double Weight, IGrader Grader);
}
