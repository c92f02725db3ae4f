using System.Text.Json;

namespace RftService.Grading.JsonText;

/// <summary>Where the JSON of a completion stands.</summary>
public enum JsonExtraction
{
    /// <summary>The whole text, white space around it aside.</summary>
    Whole,

    /// <summary>The last Markdown code fence, with or without a language; the whole text when there is none.</summary>
    Fenced,
}

/// <summary>Reads the JSON of a completion.</summary>
internal static class CompletionJson
{
    private const string Fence = "```";

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>The value, or null when the text is no JSON; nested at most 64 deep.</summary>
    public static JsonElement? Parse(string text, JsonExtraction extraction)
    {
        try
        {
            using var document = JsonDocument.Parse(extraction == JsonExtraction.Fenced ? LastFence(text) : text.AsMemory(), Strict);
            return IsText(document.RootElement) ? document.RootElement.Clone() : null;
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or InvalidOperationException)
        {
            return null; // the latter two: half a surrogate pair, raw or escaped
        }
    }

    /// <summary>False when a name or a text escapes half a surrogate pair ("\ud800"): every access to it would throw.</summary>
    public static bool IsText(JsonElement value)
    {
        try
        {
            return value.ValueKind switch
            {
                JsonValueKind.String => value.GetString() is not null,
                JsonValueKind.Array => value.EnumerateArray().All(IsText),
                JsonValueKind.Object => value.EnumerateObject().All(member => member.Name is not null && IsText(member.Value)),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static ReadOnlyMemory<char> LastFence(string text)
    {
        var close = text.LastIndexOf(Fence, StringComparison.Ordinal);
        var open = close <= 0 ? -1 : text.LastIndexOf(Fence, close - 1, StringComparison.Ordinal);
        if (open < 0)
        {
            return text.AsMemory();
        }

        var line = text.IndexOf('\n', open, close - open);
        return line < 0 ? text.AsMemory(open + Fence.Length, close - open - Fence.Length) : text.AsMemory(line + 1, close - line - 1);
    }
}
