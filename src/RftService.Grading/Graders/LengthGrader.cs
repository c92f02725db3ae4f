using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using RftService.Grading.Templates;
using RftService.Grading.Text;

namespace RftService.Grading.Graders;

/// <summary>1 when the input's length lies in a range, falling linearly to 0 outside it. Needs `target`, or `min` or `max` or both.</summary>
public sealed record LengthSpec : GraderSpec
{
    /// <summary>Template of the text that is measured.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string Input { get; init; } = "{{ sample.output_text }}";

    /// <summary>What is counted.</summary>
    public LengthUnit Unit { get; init; } = LengthUnit.Words;

    /// <summary>Shortest length worth 1.</summary>
    [Range(0, 100_000_000)]
    public int? Min { get; init; }

    /// <summary>Longest length worth 1.</summary>
    [Range(0, 100_000_000)]
    public int? Max { get; init; }

    /// <summary>The only length worth 1; instead of `min` and `max`.</summary>
    [Range(0, 100_000_000)]
    public int? Target { get; init; }

    /// <summary>Distance from the range, in units, at which the grade reaches 0; at 0 any distance is worth 0.</summary>
    [Range(0, 100_000_000)]
    public int Falloff { get; init; }
}

/// <summary>Measures a rendered input.</summary>
internal sealed class LengthGrader(LengthSpec spec, Template input, int min, int max) : IGrader<LengthGrader, LengthSpec>
{
    public static string TypeName => "length";

    public static string Summary => "1 when the number of characters, words or lines is in range, with a linear falloff outside.";

    public static LengthGrader Create(LengthSpec spec)
    {
        if (spec is { Min: null, Max: null, Target: null })
        {
            throw new GraderSpecException("/target", "Expected a target, a min or a max, found none. Set one.");
        }

        if (spec is { Target: not null } and not { Min: null, Max: null })
        {
            throw new GraderSpecException("/target", "Expected either a target or a range, found both. Remove min and max, or the target.");
        }

        var (min, max) = (spec.Target ?? spec.Min ?? 0, spec.Target ?? spec.Max ?? int.MaxValue);
        return min <= max
            ? new LengthGrader(spec, Template.ParseOption(spec.Input, "/input"), min, max)
            : throw new GraderSpecException("/max", $"Expected max to be at least min ({min}), found {max}.");
    }

    public RowFault? Reject(JsonElement item) => input.Reject(item);

    public Grade Score(GradingInput given)
    {
        if (!input.TryRender(given.Item, given.OutputText, out var text, out var missing))
        {
            return Grade.Missing(missing);
        }

        if (TextLength.Of(text, spec.Unit, given) is not { } length)
        {
            return TextLength.Unknown;
        }

        double distance = Math.Max(Math.Max(min - length, length - max), 0);
        var value = distance == 0 ? 1 : spec.Falloff == 0 ? 0 : Math.Max(0, 1 - (distance / spec.Falloff));
        return Grade.Of(value, string.Create(CultureInfo.InvariantCulture, $"{length} {spec.Unit.ToString().ToLowerInvariant()}"));
    }
}
