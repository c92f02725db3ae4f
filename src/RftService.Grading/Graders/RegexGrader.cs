using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using RftService.Grading.Templates;

namespace RftService.Grading.Graders;

/// <summary>1 when a regular expression matches the input, else 0; with a group, when the first match's group equals the reference.</summary>
public sealed record RegexSpec : GraderSpec
{
    /// <summary>Template of the text that is searched.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string Input { get; init; } = "{{ sample.output_text }}";

    /// <summary>
    /// A .NET regular expression, no template. Without lookaround, backreferences and atomic groups it runs in linear time;
    /// with them a match has 200 ms. Begin with `(?s).*` to take the last hit instead of the first.
    /// </summary>
    [StringLength(SpecLimits.Pattern, MinimumLength = 1)]
    public required string Pattern { get; init; }

    /// <summary>Match, and compare with the reference, without regard to case.</summary>
    public bool IgnoreCase { get; init; }

    /// <summary>`^` and `$` match at every line.</summary>
    public bool Multiline { get; init; }

    /// <summary>Name or number of a capture group of the pattern; needs `reference`.</summary>
    [StringLength(64, MinimumLength = 1)]
    public string? Group { get; init; }

    /// <summary>Template of the text that the group must equal; needs `group`.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string? Reference { get; init; }
}

/// <summary>Searches a rendered input with a regular expression.</summary>
internal sealed class RegexGrader : IGrader<RegexGrader, RegexSpec>
{
    private static readonly TimeSpan BacktrackingTimeout = TimeSpan.FromMilliseconds(200);

    // Linear matching cannot run away; the limit only bounds a large pattern on a very long completion on a busy machine.
    private static readonly TimeSpan LinearTimeout = TimeSpan.FromSeconds(5);

    private readonly Regex _regex;
    private readonly Template _input;
    private readonly Template? _reference;
    private readonly int _group;
    private readonly StringComparison _comparison;

    private RegexGrader(RegexSpec spec)
    {
        _regex = Compile(spec);
        _input = Template.ParseOption(spec.Input, "/input");
        _comparison = spec.IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        if ((spec.Group is null) != (spec.Reference is null))
        {
            throw new GraderSpecException(
                spec.Group is null ? "/group" : "/reference",
                "Expected group and reference together, or neither. Add it, or remove the other.");
        }

        if (spec.Group is not null && spec.Reference is not null)
        {
            _reference = Template.ParseOption(spec.Reference, "/reference");
            _group = GroupNumber(_regex, spec.Group);
        }
    }

    public static string TypeName => "regex";

    public static string Summary => "1 when a regular expression matches the input (or its group equals the reference), else 0.";

    /// <summary>True when the time of a match grows linearly with the input.</summary>
    internal bool IsLinear => _regex.Options.HasFlag(RegexOptions.NonBacktracking);

    public static RegexGrader Create(RegexSpec spec) => new(spec);

    public RowFault? Reject(JsonElement item)
    {
        if ((_reference?.Reject(item) ?? _input.Reject(item)) is { } fault)
        {
            return fault;
        }

        return _reference is { UsesSample: false } && _reference.TryRender(item, null, out var text, out _) && text.Length == 0
            ? new RowFault(_reference.ItemPointer, "Expected text for the group to equal, found an empty text.")
            : null;
    }

    public Grade Score(GradingInput given)
    {
        var expected = "";
        if (!_input.TryRender(given.Item, given.OutputText, out var text, out var missing)
            || _reference?.TryRender(given.Item, given.OutputText, out expected, out missing) == false)
        {
            return Grade.Missing(missing!);
        }

        try
        {
            if (_reference is null)
            {
                return Grade.Of(_regex.IsMatch(text) ? 1 : 0);
            }

            var match = _regex.Match(text);
            var group = match.Groups[_group];
            return match.Success && group.Success
                ? Grade.Of(group.ValueSpan.Equals(expected, _comparison) ? 1 : 0)
                : Grade.Of(0, "no_match");
        }
        catch (RegexMatchTimeoutException timeout)
        {
            return Grade.Failed(
                GradeError.UnresponsiveRewardError,
                string.Create(CultureInfo.InvariantCulture, $"The pattern did not finish in {timeout.MatchTimeout.TotalMilliseconds} ms."));
        }
    }

    private static Regex Compile(RegexSpec spec)
    {
        var options = RegexOptions.CultureInvariant
            | (spec.IgnoreCase ? RegexOptions.IgnoreCase : RegexOptions.None)
            | (spec.Multiline ? RegexOptions.Multiline : RegexOptions.None);
        try
        {
            return new Regex(spec.Pattern, options | RegexOptions.NonBacktracking, LinearTimeout);
        }
        catch (NotSupportedException)
        {
            return new Regex(spec.Pattern, options, BacktrackingTimeout);
        }
        catch (RegexParseException fault)
        {
            throw new GraderSpecException("/pattern", $"Pattern, character {fault.Offset + 1}: {fault.Error}. Correct the regular expression.");
        }
    }

    private static int GroupNumber(Regex regex, string group) => regex.GroupNumberFromName(group) is var number and > 0
        ? number
        : throw new GraderSpecException(
            "/group",
            $"Expected one of the pattern's groups ({string.Join(", ", regex.GetGroupNames().Skip(1))}), found {group}. Put the part in parentheses.");
}
