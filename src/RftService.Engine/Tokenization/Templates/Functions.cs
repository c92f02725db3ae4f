using System.Globalization;
using System.Text;

namespace RftService.Engine.Tokenization.Templates;

/// <summary>The functions that every chat template can call.</summary>
internal static class Functions
{
    private const long MaxRange = 100_000;
    private static readonly Dictionary<string, TemplateFunction> All = new(StringComparer.Ordinal)
    {
        ["raise_exception"] = (context, arguments) => throw new TemplateException(Operations.Text(context, arguments.Only("message").Required(0, "message"))),
        ["namespace"] = Namespace,
        ["dict"] = Dictionary,
        ["range"] = Range,
        ["strftime_now"] = (context, arguments) => FormatDate(context.Today, arguments.Only("format").Text(0, "format")),
    };

    public static TemplateFunction? Find(string name) => All.GetValueOrDefault(name);

    private static TemplateNamespace Namespace(RenderContext context, Arguments arguments)
    {
        var made = new TemplateNamespace();
        foreach (var (name, value) in Dictionary(context, arguments).Items)
        {
            made.Attributes[(string)name] = value;
        }

        return made;
    }

    private static TemplateDictionary Dictionary(RenderContext context, Arguments arguments)
    {
        var made = new TemplateDictionary();
        foreach (var source in arguments.Positional)
        {
            foreach (var (name, value) in (source as TemplateDictionary ?? throw new TemplateException("expected a dictionary")).Items)
            {
                made.Items[name] = value;
            }
        }

        foreach (var (name, value) in arguments.Named)
        {
            made.Items[name] = value;
        }

        context.Work(made.Items.Count);
        return made;
    }

    private static TemplateList Range(RenderContext context, Arguments arguments)
    {
        var numbers = arguments.Only("start", "stop", "step").Positional
            .Select(number => number as long? ?? throw new TemplateException("range: expected whole numbers")).ToArray();
        var (start, stop, step) = numbers switch
        {
            [var end] => (0L, end, 1L),
            [var begin, var end] => (begin, end, 1L),
            [var begin, var end, var by] when by != 0 => (begin, end, by),
            _ => throw new TemplateException("range: expected one to three numbers and a step other than 0"),
        };
        var items = new List<object?>();
        for (var i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            items.Add(i);
            context.Work();
            if (items.Count > MaxRange)
            {
                throw new TemplateException($"range: more than {MaxRange} numbers");
            }
        }

        return new TemplateList(items);
    }

    private static string FormatDate(DateTime date, string format)
    {
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            i++;
            var unpadded = format[i] == '-' && i + 1 < format.Length;
            i += unpadded ? 1 : 0;
            var part = format[i] switch
            {
                'd' => date.ToString("dd", CultureInfo.InvariantCulture),
                'b' => date.ToString("MMM", CultureInfo.InvariantCulture),
                'B' => date.ToString("MMMM", CultureInfo.InvariantCulture),
                'm' => date.ToString("MM", CultureInfo.InvariantCulture),
                'Y' => date.ToString("yyyy", CultureInfo.InvariantCulture),
                'y' => date.ToString("yy", CultureInfo.InvariantCulture),
                'H' => date.ToString("HH", CultureInfo.InvariantCulture),
                'I' => date.ToString("hh", CultureInfo.InvariantCulture),
                'M' => date.ToString("mm", CultureInfo.InvariantCulture),
                'S' => date.ToString("ss", CultureInfo.InvariantCulture),
                'p' => date.ToString("tt", CultureInfo.InvariantCulture),
                'a' => date.ToString("ddd", CultureInfo.InvariantCulture),
                'A' => date.ToString("dddd", CultureInfo.InvariantCulture),
                'j' => date.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                '%' => "%",
                var code => throw new TemplateException($"strftime_now: `%{code}` is not supported"),
            };
            text.Append(unpadded ? part.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0" : part);
        }

        return text.ToString();
    }
}
