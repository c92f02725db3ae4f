using System.Text;

namespace RftService.Worker.Training;

/// <summary>Text as Postgres can store it. A model may write U+0000 or half a surrogate pair; text and jsonb refuse both.</summary>
internal static class StorableText
{
    /// <summary>The text itself, or a copy with U+FFFD in place of what cannot be stored.</summary>
    public static string Of(string text)
    {
        var firstNul = text.IndexOf('\0', StringComparison.Ordinal);
        if (firstNul < 0 && IsWellFormed(text))
        {
            return text;
        }

        var stored = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // a lone surrogate comes as U+FFFD
        {
            stored.Append(rune.Value == 0 ? Rune.ReplacementChar : rune);
        }

        return stored.ToString();
    }

    private static bool IsWellFormed(string text)
    {
        for (var rest = text.AsSpan(); rest.Length > 0;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var used) != System.Buffers.OperationStatus.Done)
            {
                return false;
            }

            rest = rest[used..];
        }

        return true;
    }
}
