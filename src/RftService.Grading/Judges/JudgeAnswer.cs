using System.Text;
using System.Text.Json;

namespace RftService.Grading.Judges;

/// <summary>Finds the JSON object in what a judge wrote: the last one in the text, since models think aloud first.</summary>
internal static class JudgeAnswer
{
    // A text of nothing but opening braces must not cost the square of its length.
    private const int MaxTries = 100;

    public static JsonElement? Find(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        JsonElement? last = null;
        var at = 0;
        for (var tries = 0; tries < MaxTries; tries++)
        {
            var brace = bytes.AsSpan(at).IndexOf((byte)'{');
            if (brace < 0)
            {
                break;
            }

            at += brace;
            at += Parse(bytes.AsSpan(at), out var found);
            last = found ?? last;
        }

        return last;
    }

    // How far to go on: past the object, or past its brace where there is none.
    private static int Parse(ReadOnlySpan<byte> text, out JsonElement? found)
    {
        found = null;
        try
        {
            var reader = new Utf8JsonReader(text);
            if (JsonElement.TryParseValue(ref reader, out var value))
            {
                found = value;
                return (int)reader.BytesConsumed;
            }
        }
        catch (JsonException)
        {
        }

        return 1;
    }
}
