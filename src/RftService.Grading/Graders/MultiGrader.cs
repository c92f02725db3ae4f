using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using RftService.Grading.Composition;
using RftService.Grading.Formulas;
using RftService.Grading.JsonText;

namespace RftService.Grading.Graders;

/// <summary>Combines grades by a formula. The fields are OpenAI's; graders may be nested here.</summary>
public sealed record MultiSpec : GraderSpec
{
    /// <summary>
    /// 1 to 32 graders by the name that the formula uses: letters, digits and underscores. An array is read too, its graders' own names
    /// being the keys. Graders that the formula does not name only watch: they are reported, and their errors cost nothing.
    /// </summary>
    [JsonConverter(typeof(GraderMapConverter))]
    public required IReadOnlyDictionary<string, GraderSpec> Graders { get; init; }

    /// <summary>
    /// The reward. Operators + - * / % ^ (or **), parentheses, functions min, max, abs, floor, ceil, exp, sqrt, log (natural). ^ groups to
    /// the right and binds tighter than a minus before it: -2^2 is -4. % has the sign of the divisor. A division by 0, and any step
    /// without a finite number, is the error formula_parse_error, never 0; when a named grader fails or abstains, so does the whole.
    /// </summary>
    [StringLength(SpecLimits.Formula, MinimumLength = 1)]
    public required string CalculateOutput { get; init; }
}

/// <summary>Evaluates a formula over the grades of its parts.</summary>
internal sealed class MultiGrader(Formula formula, IReadOnlyList<MultiGrader.Part> parts) : IHostedGrader<MultiGrader, MultiSpec>
{
    public static string TypeName => "multi";

    public static string Summary => "Combines the grades of other graders by a formula.";

    public static MultiGrader Create(MultiSpec spec, GraderHost host)
    {
        if (spec.Graders.Count is 0 or > SpecLimits.Parts)
        {
            throw new GraderSpecException("/graders", $"Expected 1 to {SpecLimits.Parts} graders, found {spec.Graders.Count}.");
        }

        foreach (var key in spec.Graders.Keys)
        {
            if (!IsName(key))
            {
                throw new GraderSpecException(
                    $"/graders/{PointerName.Escape(key)}",
                    "Expected a name that a formula can hold: up to 64 letters, digits and underscores, no digit first, and no function's name.");
            }
        }

        var formula = Read(spec);
        return new MultiGrader(formula, spec.Graders
            .Select(pair => new Part(pair.Key, pair.Value.Name, formula.Names.Contains(pair.Key),
                host.CreatePart(pair.Value, $"/graders/{PointerName.Escape(pair.Key)}")))
            .ToArray());
    }

    public bool ComparesCompletions => parts.Any(part => part.Grader.ComparesCompletions);

    public RowFault? Reject(JsonElement item)
    {
        foreach (var part in parts)
        {
            if (part.IsUsed && part.Grader.Reject(item) is { } fault)
            {
                return fault with { Message = $"{part.Name}: {fault.Message}" };
            }
        }

        return null;
    }

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var grades = new PartGrades();
        var values = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var part in parts)
        {
            var grade = await part.Grader.ScoreAsync(input, cancellation);
            grades.Add(part.Name, grade, onlyWatches: !part.IsUsed);
            values[part.Key] = grade.Value ?? double.NaN; // not read when a part is missing
        }

        if (grades.Missing() is { } missing)
        {
            return missing;
        }

        return formula.Evaluate(name => values[name], out var fault) is { } value
            ? grades.Conclude(value)
            : grades.Fail(GradeError.FormulaParseError, fault!);
    }

    private static Formula Read(MultiSpec spec)
    {
        const string Place = "/calculate_output";
        try
        {
            var formula = Formula.Parse(spec.CalculateOutput);
            return formula.Names.FirstOrDefault(name => !spec.Graders.ContainsKey(name)) is { } unknown
                ? throw new GraderSpecException(Place, $"There is no grader {unknown}. Known are {string.Join(", ", spec.Graders.Keys)}.")
                : formula.Names.Count > 0
                    ? formula
                    : throw new GraderSpecException(Place, "Expected a formula over the graders, found a constant. Name at least one of them.");
        }
        catch (FormulaException fault)
        {
            throw new GraderSpecException(Place, string.Create(CultureInfo.InvariantCulture,
                $"Formula, character {fault.Position + 1}: {fault.Message}"));
        }
    }

    private static bool IsName(string key) =>
        key.Length is > 0 and <= 64
        && !char.IsAsciiDigit(key[0])
        && key.All(character => char.IsAsciiLetterOrDigit(character) || character == '_')
        && !CallNode.Known.Contains(key);

    internal sealed record Part(string Key, string Name, bool IsUsed, IGrader Grader);
}
