using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace RftService.Api.Datasets;

/// <summary>
/// Checks that one line is a single JSON object that everything behind can read: valid UTF-8, no key twice in an object, no
/// lone surrogate, no `\u0000` (Postgres cannot store it), no number outside of a double, at most <see cref="MaxDepth"/> levels.
/// </summary>
internal sealed class JsonLineSyntax(DatasetReport report)
{
    /// <summary>Levels of arrays and objects, the line's own object included: leaves room inside the 64 that answers may have.</summary>
    public const int MaxDepth = 32;

    // One entry a level: the names seen in an object, or null and a counter in an array.
    private readonly List<Level> _levels = [];

    /// <summary>True when the line is sound; otherwise the report says what is not.</summary>
    public bool Accepts(ReadOnlySpan<byte> line, long number)
    {
        if (!Utf8.IsValid(line))
        {
            report.Add(number, "", "invalid_utf8", "UTF-8", $"an invalid byte sequence at byte {FirstInvalid(line) + 1} of the line");
            return false;
        }

        _levels.Clear();
        // Two levels of slack, so that the walk meets the depth before the reader throws for it.
        var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = MaxDepth + 2 });
        try
        {
            return Walk(ref reader, number);
        }
        catch (JsonException fault)
        {
            var column = (fault.BytePositionInLine ?? 0) + 1;
            report.Add(number, Pointer(), "invalid_json", "a JSON object", $"a fault at byte {column} of the line: {Reason(fault)}");
            return false;
        }
    }

    private bool Walk(ref Utf8JsonReader reader, long number)
    {
        var sound = true;
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    NextItem();
                    if (_levels.Count == 0 && reader.TokenType != JsonTokenType.StartObject)
                    {
                        report.Add(number, "", "not_an_object", "one JSON object a line", "an array", "write each row as its own line");
                        return false;
                    }

                    if (_levels.Count == MaxDepth)
                    {
                        report.Add(number, "", "too_deep", $"at most {MaxDepth} levels of arrays and objects", "more");
                        return false;
                    }

                    _levels.Add(new Level(reader.TokenType == JsonTokenType.StartObject));
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    _levels.RemoveAt(_levels.Count - 1);
                    break;
                case JsonTokenType.PropertyName:
                    if (!IsText(ref reader, number))
                    {
                        return false;
                    }

                    var level = _levels[^1];
                    level.Name = reader.GetString()!;
                    if (!level.Names!.Add(level.Name))
                    {
                        report.Add(number, Pointer(), "duplicate_key", "each key once in an object", "it again");
                        sound = false;
                    }

                    break;
                default:
                    NextItem();
                    if (_levels.Count == 0)
                    {
                        report.Add(number, "", "not_an_object", "one JSON object a line", KindOf(reader.TokenType));
                        return false;
                    }

                    sound &= reader.TokenType switch
                    {
                        JsonTokenType.String => IsText(ref reader, number),
                        JsonTokenType.Number => IsDouble(ref reader, number),
                        _ => true,
                    };
                    break;
            }
        }

        return sound;
    }

    private void NextItem()
    {
        if (_levels.Count > 0)
        {
            _levels[^1].Index++;
        }
    }

    private bool IsText(ref Utf8JsonReader reader, long number)
    {
        if (!reader.ValueIsEscaped)
        {
            return true;
        }

        try
        {
            if (!reader.GetString()!.Contains('\0', StringComparison.Ordinal))
            {
                return true;
            }

            report.Add(number, Pointer(), "null_character", "text without \\u0000", "one", "the database cannot store it: remove it");
        }
        catch (InvalidOperationException)
        {
            report.Add(number, Pointer(), "invalid_unicode", "whole characters", "half of a surrogate pair (\\ud800 to \\udfff alone)");
        }

        return false;
    }

    private bool IsDouble(ref Utf8JsonReader reader, long number)
    {
        if (reader.TryGetDouble(out var value) && double.IsFinite(value))
        {
            return true;
        }

        report.Add(number, Pointer(), "number_out_of_range", "a number within ±1.8e308", "a larger one", "write it as a string");
        return false;
    }

    private string Pointer()
    {
        var pointer = new StringBuilder();
        foreach (var level in _levels)
        {
            if (level.Names is null ? level.Index >= 0 : level.Name is not null)
            {
                pointer.Append('/').Append(level.Names is null ? level.Index.ToString(CultureInfo.InvariantCulture) : JsonPointer.Escape(level.Name!));
            }
        }

        return pointer.ToString();
    }

    private static int FirstInvalid(ReadOnlySpan<byte> line)
    {
        var at = 0;
        while (at < line.Length && Rune.DecodeFromUtf8(line[at..], out _, out var used) == System.Buffers.OperationStatus.Done)
        {
            at += used;
        }

        return at;
    }

    // "'x' is an invalid start of a value. LineNumber: 0 | BytePositionInLine: 5." without its tail.
    private static string Reason(JsonException fault)
    {
        var tail = fault.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return (tail < 0 ? fault.Message : fault.Message[..tail]).TrimEnd('.');
    }

    private static string KindOf(JsonTokenType type) => type switch
    {
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "a boolean",
    };

    private sealed class Level(bool isObject)
    {
        public HashSet<string>? Names { get; } = isObject ? new HashSet<string>(StringComparer.Ordinal) : null;

        public string? Name { get; set; }

        public int Index { get; set; } = -1;
    }
}
