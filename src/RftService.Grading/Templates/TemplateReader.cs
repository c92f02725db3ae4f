using System.Globalization;

namespace RftService.Grading.Templates;

/// <summary>Splits a template into literals and variables.</summary>
internal static class TemplateReader
{
    private const int MaxSteps = 16;
    private const int MaxIndexDigits = 6;
    private const string Known = "Known are item.<field> and sample.output_text.";

    public static IReadOnlyList<TemplatePart> Read(string source)
    {
        var parts = new List<TemplatePart>();
        var literal = 0;
        var single = 0; // single braces open so far: JSON and LaTeX literals end in }} rightly
        for (var at = 0; at < source.Length;)
        {
            if (Pair(source, at, '{'))
            {
                var close = Close(source, at);
                parts.Add(new TemplatePart(source[literal..at], ReadVariable(source, at + 2, close)));
                at = literal = close + 2;
            }
            else if (Pair(source, at, '}') && single < 2)
            {
                throw new TemplateException(at, "Found }} without {{. Write {{ item.field }}, or remove the braces.");
            }
            else
            {
                single = Math.Max(0, source[at] switch { '{' => single + 1, '}' => single - 1, _ => single });
                at++;
            }
        }

        if (literal < source.Length)
        {
            parts.Add(new TemplatePart(source[literal..], null));
        }

        return parts;
    }

    private static bool Pair(string source, int at, char brace) => at + 1 < source.Length && source[at] == brace && source[at + 1] == brace;

    private static int Close(string source, int open)
    {
        for (var at = open + 2; at < source.Length; at++)
        {
            if (Pair(source, at, '}'))
            {
                return at;
            }

            if (source[at] == '{')
            {
                throw new TemplateException(
                    at,
                    "Expected }} before the next brace. Literal {{ cannot be written: put such text into a field of the rows.");
            }
        }

        throw new TemplateException(open, "Expected }} after {{, found the end. Close the variable.");
    }

    private static TemplateVariable ReadVariable(string source, int from, int to)
    {
        while (from < to && char.IsWhiteSpace(source[from]))
        {
            from++;
        }

        while (to > from && char.IsWhiteSpace(source[to - 1]))
        {
            to--;
        }

        var name = source[from..to];
        if (name == "sample.output_text")
        {
            return new TemplateVariable(name, []);
        }

        if (name.StartsWith("sample.", StringComparison.Ordinal) || name == "sample")
        {
            throw new TemplateException(from, $"Found {Shown(name)}; of the sample only sample.output_text can be read.");
        }

        return name.StartsWith("item.", StringComparison.Ordinal)
            ? new TemplateVariable(name, ReadPath(source, from + "item".Length, to))
            : throw new TemplateException(from, name.Length == 0 ? $"Expected a variable, found nothing. {Known}" : $"Found {Shown(name)}. {Known}");
    }

    private static List<PathStep> ReadPath(string source, int at, int to)
    {
        var steps = new List<PathStep>();
        while (at < to)
        {
            if (steps.Count == MaxSteps)
            {
                throw new TemplateException(at, $"Expected at most {MaxSteps} steps in a path. Read a field nearer to the row.");
            }

            steps.Add(source[at] switch
            {
                '.' => ReadMember(source, ref at, to),
                '[' => ReadIndex(source, ref at, to),
                _ => throw new TemplateException(at, $"Expected . or [ in a path, found '{source[at]}'. Write item.a.b[0]."),
            });
        }

        return steps;
    }

    private static PathStep ReadMember(string source, ref int at, int to)
    {
        var start = ++at;
        while (at < to && source[at] is not ('.' or '[' or ']'))
        {
            var whole = char.IsSurrogatePair(source, at);
            if (char.IsWhiteSpace(source[at]) || char.IsControl(source[at]) || (char.IsSurrogate(source[at]) && !whole))
            {
                throw new TemplateException(at, "Expected a field name without spaces. Rename the field in the dataset.");
            }

            at += whole ? 2 : 1;
        }

        return at > start
            ? new PathStep(source[start..at], 0)
            : throw new TemplateException(start, "Expected a field name after the dot. Write item.a.b[0].");
    }

    private static PathStep ReadIndex(string source, ref int at, int to)
    {
        var start = at + 1;
        var close = source.IndexOf(']', start, to - start);
        if (close < 0
            || close - start > MaxIndexDigits
            || !int.TryParse(source.AsSpan(start, close - start), NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            throw new TemplateException(start, "Expected an array index from 0 to 999999 and a ]. Write item.a[0].");
        }

        at = close + 1;
        return new PathStep(null, index);
    }

    private static string Shown(string name) => name.Length <= 64 ? name : name[..64] + "...";
}
