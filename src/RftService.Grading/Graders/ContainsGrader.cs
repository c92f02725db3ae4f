using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Templates;
using RftService.Grading.Text;

namespace RftService.Grading.Graders;

/// <summary>Looks for keywords in the input.</summary>
public sealed record ContainsSpec : GraderSpec
{
    /// <summary>Template of the text that is searched.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string Input { get; init; } = "{{ sample.output_text }}";

    /// <summary>1 to 64 texts of up to 256 characters; each may be a template over the row, as `{{ item.keyword }}`.</summary>
    [Length(1, SpecLimits.Keywords)]
    public required IReadOnlyList<string> Keywords { get; init; }

    /// <summary>What the hits are worth.</summary>
    public KeywordMode Mode { get; init; } = KeywordMode.Any;

    /// <summary>Search without regard to case.</summary>
    public bool IgnoreCase { get; init; }

    /// <summary>A keyword must not continue a word of letters, digits and underscores: `cat` is not found in `cats`.</summary>
    public bool WholeWords { get; init; }
}

/// <summary>What found keywords are worth.</summary>
public enum KeywordMode
{
    /// <summary>1 when at least one is found.</summary>
    Any,

    /// <summary>1 when all are found.</summary>
    All,

    /// <summary>1 when none is found.</summary>
    None,

    /// <summary>The fraction that is found.</summary>
    Share,
}

/// <summary>Counts the keywords that a rendered input contains.</summary>
internal sealed class ContainsGrader(ContainsSpec spec, Template input, Template[] keywords) : IGrader<ContainsGrader, ContainsSpec>
{
    public static string TypeName => "contains";

    public static string Summary => "Scores the keywords found in the input: any, all, none, or the share of them.";

    public static ContainsGrader Create(ContainsSpec spec)
    {
        var seen = new HashSet<string>(spec.IgnoreCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        var keywords = spec.Keywords.Select((keyword, index) =>
        {
            var pointer = $"/keywords/{index}";
            if (keyword.Length is 0 or > SpecLimits.Keyword)
            {
                throw new GraderSpecException(pointer, $"Expected a keyword of 1 to {SpecLimits.Keyword} characters, found {keyword.Length}.");
            }

            if (!seen.Add(keyword))
            {
                throw new GraderSpecException(pointer, "The keyword is listed twice. Remove one.");
            }

            var template = Template.ParseOption(keyword, pointer);
            return template.UsesSample
                ? throw new GraderSpecException(pointer, "A keyword cannot be the completion itself. Use a text or a field of the row.")
                : template;
        }).ToArray();
        return new ContainsGrader(spec, Template.ParseOption(spec.Input, "/input"), keywords);
    }

    public RowFault? Reject(JsonElement item)
    {
        if (input.Reject(item) is { } fault)
        {
            return fault;
        }

        foreach (var keyword in keywords)
        {
            if (keyword.Reject(item) is { } missing)
            {
                return missing;
            }

            if (keyword.TryRender(item, null, out var text, out _) && text.Length == 0)
            {
                return new RowFault(keyword.ItemPointer, "Expected a keyword, found an empty text.");
            }
        }

        return null;
    }

    public Grade Score(GradingInput given)
    {
        if (!input.TryRender(given.Item, given.OutputText, out var text, out var missing))
        {
            return Grade.Missing(missing);
        }

        var found = 0;
        foreach (var keyword in keywords)
        {
            if (!keyword.TryRender(given.Item, given.OutputText, out var wanted, out missing))
            {
                return Grade.Missing(missing);
            }

            if (wanted.Length == 0)
            {
                return Grade.Failed(GradeError.OtherError, "A keyword is empty: every text contains it.");
            }

            found += TextSearch.Contains(text, wanted, spec.IgnoreCase, spec.WholeWords) ? 1 : 0;
        }

        return Grade.Of(spec.Mode switch
        {
            KeywordMode.Any => found > 0 ? 1 : 0,
            KeywordMode.All => found == keywords.Length ? 1 : 0,
            KeywordMode.None => found == 0 ? 1 : 0,
            KeywordMode.Share => (double)found / keywords.Length,
        });
    }
}
