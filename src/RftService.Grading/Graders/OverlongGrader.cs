using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using RftService.Grading.Templates;
using RftService.Grading.Text;

namespace RftService.Grading.Graders;

/// <summary>
/// The soft overlong punishment of DAPO (arXiv:2503.14476, equation 13): 0 up to `max` - `buffer`, falling linearly to -1 at `max`, -1
/// beyond. Add it to another reward, by `weighted_sum` or `multi`.
/// </summary>
public sealed record OverlongSpec : GraderSpec
{
    /// <summary>Template of the text that is measured.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string Input { get; init; } = "{{ sample.output_text }}";

    /// <summary>What is counted.</summary>
    public LengthUnit Unit { get; init; } = LengthUnit.Tokens;

    /// <summary>Length from which the grade is -1.</summary>
    [Range(1, 100_000_000)]
    public required int Max { get; init; }

    /// <summary>Length before `max` over which the grade falls; at most `max`.</summary>
    [Range(1, 100_000_000)]
    public required int Buffer { get; init; }
}

/// <summary>Punishes length softly.</summary>
internal sealed class OverlongGrader(OverlongSpec spec, Template input) : IGrader<OverlongGrader, OverlongSpec>
{
    public static string TypeName => "overlong";

    public static string Summary => "DAPO's soft punishment of long completions, from 0 down to -1.";

    public static OverlongGrader Create(OverlongSpec spec) => spec.Buffer <= spec.Max
        ? new OverlongGrader(spec, Template.ParseOption(spec.Input, "/input"))
        : throw new GraderSpecException("/buffer", $"Expected a buffer of at most max ({spec.Max}), found {spec.Buffer}.");

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

        var excess = (double)length - (spec.Max - spec.Buffer);
        var value = excess <= 0 ? 0 : Math.Max(-1, -excess / spec.Buffer);
        return Grade.Of(value, string.Create(CultureInfo.InvariantCulture, $"{length} {spec.Unit.ToString().ToLowerInvariant()}"));
    }
}
