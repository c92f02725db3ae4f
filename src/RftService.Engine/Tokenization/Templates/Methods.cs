using System.Text;

namespace RftService.Engine.Tokenization.Templates;

/// <summary>The methods of Python's strings, lists and dictionaries that chat templates call. None of them changes its value.</summary>
internal static class Methods
{
    private static readonly Dictionary<string, Func<RenderContext, string, Arguments, object?>> OfText = new(StringComparer.Ordinal)
    {
        ["strip"] = (_, text, arguments) => Strip(text, arguments, left: true, right: true),
        ["lstrip"] = (_, text, arguments) => Strip(text, arguments, left: true, right: false),
        ["rstrip"] = (_, text, arguments) => Strip(text, arguments, left: false, right: true),
        ["split"] = (context, text, arguments) => Split(context, text, arguments, fromRight: false),
        ["rsplit"] = (context, text, arguments) => Split(context, text, arguments, fromRight: true),
        ["splitlines"] = (context, text, arguments) => SplitLines(context, text, arguments.Only()),
        ["startswith"] = (_, text, arguments) => Affixes(arguments.Only("prefix")).Any(affix => text.StartsWith(affix, StringComparison.Ordinal)),
        ["endswith"] = (_, text, arguments) => Affixes(arguments.Only("suffix")).Any(affix => text.EndsWith(affix, StringComparison.Ordinal)),
        ["removeprefix"] = (_, text, arguments) =>
            arguments.Only("prefix").Text(0, "prefix") is var prefix && text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text,
        ["removesuffix"] = (_, text, arguments) =>
            arguments.Only("suffix").Text(0, "suffix") is var suffix && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text,
        ["upper"] = (_, text, arguments) => arguments.Only() is var _ ? text.ToUpperInvariant() : null,
        ["lower"] = (_, text, arguments) => arguments.Only() is var _ ? text.ToLowerInvariant() : null,
        ["capitalize"] = (_, text, arguments) => arguments.Only() is var _ ? Capitalize(text) : null,
        ["title"] = (_, text, arguments) => arguments.Only() is var _ ? Title(text) : null,
        ["replace"] = (context, text, arguments) => Replace(
            context, text, arguments.Only("old", "new", "count").Text(0, "old"), arguments.Text(1, "new"), arguments.Optional(2, "count", -1L) as long? ?? -1),
        ["join"] = (context, text, arguments) => Join(context, Operations.Iterate(arguments.Only("items").Required(0, "items")), text),
        ["find"] = (_, text, arguments) => Find(text, arguments.Only("part").Text(0, "part")),
        ["count"] = (_, text, arguments) => (long)Occurrences(text, arguments.Only("part").Text(0, "part")),
        ["isdigit"] = (_, text, arguments) => arguments.Only() is var _ && text.Length > 0 && text.All(char.IsDigit),
        ["isalpha"] = (_, text, arguments) => arguments.Only() is var _ && text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter),
        ["isalnum"] = (_, text, arguments) => arguments.Only() is var _ && text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetterOrDigit),
    };

    private static readonly Dictionary<string, Func<TemplateDictionary, Arguments, object?>> OfDictionary = new(StringComparer.Ordinal)
    {
        ["items"] = (dictionary, arguments) => Pairs(dictionary, arguments.Only()),
        ["keys"] = (dictionary, arguments) => arguments.Only() is var _ ? new TemplateList(dictionary.Items.Keys) : null,
        ["values"] = (dictionary, arguments) => arguments.Only() is var _ ? new TemplateList(dictionary.Items.Values) : null,
        ["get"] = (dictionary, arguments) => dictionary.Get(arguments.Only("key", "default").Required(0, "key"), arguments.Optional(1, "default")),
    };

    public static TemplateFunction? Find(object? owner, string name) => owner switch
    {
        string text when OfText.TryGetValue(name, out var method) => (context, arguments) =>
            Counted(context, text.Length / 64, method(context, text, arguments)),
        TemplateDictionary dictionary when OfDictionary.TryGetValue(name, out var method) => (context, arguments) =>
            Counted(context, dictionary.Items.Count, method(dictionary, arguments)),
        _ => null,
    };

    public static TemplateList Pairs(TemplateDictionary dictionary, Arguments arguments) => arguments.Count == 0
        ? new TemplateList(dictionary.Items.Select(object? (pair) => new TemplateList([pair.Key, pair.Value], isTuple: true)))
        : throw new TemplateException("items: expected no arguments");

    public static string Strip(string text, Arguments arguments, bool left, bool right)
    {
        var characters = arguments.Only("chars").Optional(0, "chars") switch
        {
            null or Undefined => null,
            string given => given.ToCharArray(),
            var other => throw new TemplateException($"strip: expected a string, got {Operations.TypeName(other)}"),
        };
        text = left ? text.TrimStart(characters) : text;
        return right ? text.TrimEnd(characters) : text;
    }

    public static string Capitalize(string text) => text.Length == 0 ? text : text[..1].ToUpperInvariant() + text[1..].ToLowerInvariant();

    public static string Replace(RenderContext context, string text, string old, string replacement, long count)
    {
        if (old.Length == 0)
        {
            throw new TemplateException("replace: the text to replace is empty");
        }

        context.Work(1 + (text.Length / 64));
        RenderContext.Length(text.Length + ((long)Occurrences(text, old) * Math.Max(0, replacement.Length - old.Length)));
        if (count < 0)
        {
            return context.Made(text.Replace(old, replacement, StringComparison.Ordinal));
        }

        var parts = text.Split(old, (int)Math.Min(count + 1, int.MaxValue));
        return context.Made(string.Join(replacement, parts));
    }

    public static string Join(RenderContext context, IEnumerable<object?> items, string separator)
    {
        var joined = new StringBuilder();
        var first = true;
        foreach (var item in items)
        {
            joined.Append(first ? "" : separator).Append(Operations.Text(context, item));
            first = false;
            RenderContext.Length(joined.Length);
        }

        return context.Made(joined.ToString());
    }

    private static object? Counted(RenderContext context, long work, object? value)
    {
        context.Work(1 + work);
        return value;
    }

    private static int Occurrences(string text, string part) => part.Length == 0
        ? text.Length + 1
        : (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;

    private static long Find(string text, string part)
    {
        var at = text.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? -1 : text[..at].EnumerateRunes().Count();
    }

    private static IEnumerable<string> Affixes(Arguments arguments) => arguments.Required(0, "affix") switch
    {
        string text => [text],
        TemplateList { IsTuple: true } list => list.Items.OfType<string>(),
        var other => throw new TemplateException($"expected a string or a tuple of strings, got {Operations.TypeName(other)}"),
    };

    // Python's str.title: every letter after something that is no letter.
    private static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        foreach (var unit in text)
        {
            title.Append(title.Length > 0 && char.IsLetter(title[^1]) ? char.ToLowerInvariant(unit) : char.ToUpperInvariant(unit));
        }

        return title.ToString();
    }

    private static TemplateList SplitLines(RenderContext context, string text, Arguments arguments)
    {
        _ = arguments;
        var lines = text.ReplaceLineEndings("\n").Split('\n').ToList();
        if (lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        context.Work(lines.Count);
        return new TemplateList(lines);
    }

    private static TemplateList Split(RenderContext context, string text, Arguments arguments, bool fromRight)
    {
        var separator = arguments.Only("sep", "maxsplit").Optional(0, "sep") as string;
        var most = arguments.Optional(1, "maxsplit", -1L) as long? ?? -1;
        if (separator is { Length: 0 })
        {
            throw new TemplateException("split: the separator is empty");
        }

        var parts = separator is null
            ? text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToList()
            : text.Split(separator).ToList();
        if (most >= 0 && parts.Count > most + 1)
        {
            if (separator is null)
            {
                throw new TemplateException("split: a limit without a separator is not supported");
            }

            var limit = (int)most;
            var rest = parts.Count - limit;
            parts = fromRight
                ? [string.Join(separator, parts.Take(rest)), .. parts.Skip(rest)]
                : [.. parts.Take(limit), string.Join(separator, parts.Skip(limit))];
        }

        context.Work(parts.Count);
        return new TemplateList(parts);
    }
}
