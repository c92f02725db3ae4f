using System.Globalization;
using System.Text.RegularExpressions;

namespace RftService.Engine.Tokenization.Templates;

/// <summary>What stands right of `|`.</summary>
internal delegate object? TemplateFilter(RenderContext context, object? value, Arguments arguments);

/// <summary>The filters of Jinja that work on one value; <see cref="SequenceFilters"/> holds those on sequences.</summary>
internal static partial class Filters
{
    private static readonly Dictionary<string, TemplateFilter> All = new(StringComparer.Ordinal)
    {
        ["trim"] = (context, value, arguments) => Methods.Strip(Operations.Text(context, value), arguments, left: true, right: true),
        ["length"] = (_, value, arguments) => arguments.Only() is var _ ? Length(value) : null,
        ["count"] = (_, value, arguments) => arguments.Only() is var _ ? Length(value) : null,
        ["upper"] = (context, value, arguments) => arguments.Only() is var _ ? Operations.Text(context, value).ToUpperInvariant() : null,
        ["lower"] = (context, value, arguments) => arguments.Only() is var _ ? Operations.Text(context, value).ToLowerInvariant() : null,
        ["capitalize"] = (context, value, arguments) => arguments.Only() is var _ ? Methods.Capitalize(Operations.Text(context, value)) : null,
        ["title"] = (context, value, arguments) => arguments.Only() is var _
            ? Word().Replace(Operations.Text(context, value), word => Methods.Capitalize(word.Value))
            : null,
        ["tojson"] = ToJson,
        ["string"] = (context, value, arguments) => arguments.Only() is var _ ? Operations.Text(context, value) : null,
        ["safe"] = (_, value, arguments) => arguments.Only() is var _ ? value : null, // nothing is escaped anyway
        ["default"] = Default,
        ["d"] = Default,
        ["replace"] = (context, value, arguments) => Methods.Replace(
            context,
            Operations.Text(context, value),
            arguments.Only("old", "new", "count").Text(0, "old"),
            arguments.Text(1, "new"),
            arguments.Optional(2, "count", -1L) as long? ?? -1),
        ["int"] = (_, value, arguments) => ToWhole(value) ?? arguments.Only("default").Optional(0, "default", 0L),
        ["float"] = (_, value, arguments) => ToReal(value) ?? arguments.Only("default").Optional(0, "default", 0.0),
        ["abs"] = (_, value, arguments) => arguments.Only() is var _ && value is long whole
            ? (object)Math.Abs(Math.Max(whole, -long.MaxValue))
            : Math.Abs(Operations.Number(value) ?? throw new TemplateException($"abs: {Operations.TypeName(value)}")),
        ["round"] = (_, value, arguments) => Round(value, arguments),
        ["indent"] = Indent,
    };

    public static TemplateFilter? Find(string name) => All.GetValueOrDefault(name) ?? SequenceFilters.Find(name);

    private static long Length(object? value) => value switch
    {
        string text => text.EnumerateRunes().Count(),
        TemplateList list => list.Items.Count,
        TemplateDictionary dictionary => dictionary.Items.Count,
        Undefined => 0,
        _ => throw new TemplateException($"{Operations.TypeName(value)} has no length"),
    };

    private static object? Default(RenderContext context, object? value, Arguments arguments)
    {
        var boolean = Operations.IsTrue(arguments.Only("default_value", "boolean").Optional(1, "boolean", false));
        return value is Undefined || (boolean && !Operations.IsTrue(value)) ? arguments.Optional(0, "default_value", "") : value;
    }

    private static string ToJson(RenderContext context, object? value, Arguments arguments)
    {
        arguments.Only("indent", "ensure_ascii", "separators", "sort_keys");
        if (arguments.Optional(1, "ensure_ascii") is true || arguments.Optional(2, "separators") is not (null or Undefined))
        {
            throw new TemplateException("tojson: ensure_ascii and separators are not supported");
        }

        var indent = arguments.Optional(0, "indent") switch
        {
            null or Undefined => (int?)null,
            long width and >= 0 and <= 16 => (int)width,
            _ => throw new TemplateException("tojson: expected an indent of 0 to 16"),
        };
        return context.Made(Written.AsJson(context, value, indent, Operations.IsTrue(arguments.Optional(3, "sort_keys"))));
    }

    private static long? ToWhole(object? value) => value switch
    {
        long whole => whole,
        bool truth => truth ? 1 : 0,
        double and > -9e18 and < 9e18 => (long)(double)value,
        string text when long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        string text when ToReal(text) is > -9e18 and < 9e18 and var real => (long)real,
        _ => null,
    };

    private static double? ToReal(object? value) => value is string text
        ? double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var real) ? real : null
        : Operations.Number(value);

    private static double Round(object? value, Arguments arguments)
    {
        var precision = arguments.Only("precision", "method").Optional(0, "precision", 0L) as long? ?? 0;
        var number = Operations.Number(value) ?? throw new TemplateException($"round: {Operations.TypeName(value)}");
        var scale = Math.Pow(10, Math.Clamp(precision, 0, 15));
        return arguments.Optional(1, "method", "common") switch
        {
            "common" => Math.Round(number, (int)Math.Clamp(precision, 0, 15), MidpointRounding.ToEven),
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw new TemplateException("round: expected `common`, `ceil` or `floor`"),
        };
    }

    private static string Indent(RenderContext context, object? value, Arguments arguments)
    {
        var width = arguments.Only("width", "first", "blank").Optional(0, "width", 4L);
        var margin = width as string ?? new string(' ', (int)Math.Clamp(width as long? ?? 4, 0, 200));
        var (first, blank) = (Operations.IsTrue(arguments.Optional(1, "first", false)), Operations.IsTrue(arguments.Optional(2, "blank", false)));
        var lines = Operations.Text(context, value).Split('\n');
        RenderContext.Length(lines.Sum(line => (long)line.Length + margin.Length + 1));
        return context.Made(string.Join('\n', lines.Select((line, index) => (index == 0 ? first : blank || line.Length > 0) ? margin + line : line)));
    }

    // Jinja's own rule, unlike Python's: a word ends at white space, `-` or an opening bracket.
    [GeneratedRegex(@"[^-\s({\[<]+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
