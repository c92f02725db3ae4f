using System.Globalization;
using System.Text;

namespace RftService.Engine.Tokenization.Templates;

/// <summary>Values written out: as Python prints them, or as JSON.</summary>
internal static class Written
{
    /// <summary>`str(value)`.</summary>
    public static string AsPython(RenderContext context, object? value)
    {
        var text = new StringBuilder();
        Python(context, text, value);
        return text.ToString();
    }

    /// <summary>`json.dumps(value, ensure_ascii=False)`, as transformers writes tools.</summary>
    public static string AsJson(RenderContext context, object? value, int? indent, bool sortKeys)
    {
        var text = new StringBuilder();
        Json(context, text, value, indent, sortKeys, 0);
        return text.ToString();
    }

    private static void Python(RenderContext context, StringBuilder text, object? value)
    {
        Count(context, text);
        switch (value)
        {
            case null:
                text.Append("None");
                break;
            case bool truth:
                text.Append(truth ? "True" : "False");
                break;
            case string words:
                Quote(text, words);
                break;
            case TemplateList list:
                text.Append(list.IsTuple ? '(' : '[');
                Joined(text, list.Items, item => Python(context, text, item));
                text.Append(list.IsTuple ? list.Items.Count == 1 ? ",)" : ")" : "]");
                break;
            case TemplateDictionary dictionary:
                text.Append('{');
                Joined(text, dictionary.Items, pair =>
                {
                    Python(context, text, pair.Key);
                    text.Append(": ");
                    Python(context, text, pair.Value);
                });
                text.Append('}');
                break;
            case long or double:
                text.Append(Number(value));
                break;
            case Undefined:
                text.Append("Undefined");
                break;
            default:
                throw new TemplateException($"{Operations.TypeName(value)} cannot be printed");
        }
    }

    private static void Json(RenderContext context, StringBuilder text, object? value, int? indent, bool sortKeys, int depth)
    {
        Count(context, text);
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case bool truth:
                text.Append(truth ? "true" : "false");
                break;
            case string words:
                JsonString(text, words);
                break;
            case long or double:
                text.Append(Number(value));
                break;
            case TemplateList { Items.Count: 0 }:
                text.Append("[]");
                break;
            case TemplateDictionary { Items.Count: 0 }:
                text.Append("{}");
                break;
            case TemplateList list:
                text.Append('[');
                Lines(list.Items, item => Json(context, text, item, indent, sortKeys, depth + 1));
                text.Append(']');
                break;
            case TemplateDictionary dictionary:
                text.Append('{');
                var items = dictionary.Items.Select(pair => (Key: pair.Key as string ?? AsPython(context, pair.Key), pair.Value));
                Lines(sortKeys ? items.OrderBy(pair => pair.Key, StringComparer.Ordinal) : items, pair =>
                {
                    JsonString(text, pair.Key);
                    text.Append(": ");
                    Json(context, text, pair.Value, indent, sortKeys, depth + 1);
                });
                text.Append('}');
                break;
            default:
                throw new TemplateException($"{Operations.TypeName(value)} cannot be written as JSON");
        }

        void Lines<T>(IEnumerable<T> items, Action<T> write)
        {
            var first = true;
            foreach (var item in items)
            {
                text.Append(first ? "" : indent is null ? ", " : ",");
                first = false;
                NewLine(depth + 1);
                write(item);
            }

            NewLine(depth);
        }

        void NewLine(int level)
        {
            if (indent is { } width)
            {
                text.Append('\n').Append(' ', width * level);
            }
        }
    }

    private static void Count(RenderContext context, StringBuilder text)
    {
        context.Work();
        RenderContext.Deeper();
        RenderContext.Length(text.Length);
    }

    private static void Joined<T>(StringBuilder text, IEnumerable<T> items, Action<T> write)
    {
        var first = true;
        foreach (var item in items)
        {
            text.Append(first ? "" : ", ");
            first = false;
            write(item);
        }
    }

    private static void JsonString(StringBuilder text, string words)
    {
        text.Append('"');
        foreach (var unit in words)
        {
            _ = unit switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
                _ => text.Append(unit),
            };
        }

        text.Append('"');
    }

    private static void Quote(StringBuilder text, string words)
    {
        var quote = words.Contains('\'') && !words.Contains('"') ? '"' : '\'';
        text.Append(quote);
        foreach (var unit in words)
        {
            _ = unit switch
            {
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                < ' ' or '\x7f' => text.Append(CultureInfo.InvariantCulture, $"\\x{(int)unit:x2}"),
                _ when unit == quote => text.Append('\\').Append(unit),
                _ => text.Append(unit),
            };
        }

        text.Append(quote);
    }

    private static string Number(object value)
    {
        if (value is long whole)
        {
            return whole.ToString(CultureInfo.InvariantCulture);
        }

        var real = (double)value;
        if (!double.IsFinite(real))
        {
            return double.IsNaN(real) ? "nan" : real > 0 ? "inf" : "-inf";
        }

        var digits = real.ToString("R", CultureInfo.InvariantCulture);
        return digits.Contains('E') ? digits.Replace("E", "e", StringComparison.Ordinal) : digits.Contains('.') ? digits : digits + ".0";
    }
}
