namespace RftService.Grading.Text;

/// <summary>What a length counts.</summary>
public enum LengthUnit
{
    /// <summary>Unicode code points.</summary>
    Characters,

    /// <summary>Runs of characters other than white space.</summary>
    Words,

    /// <summary>Lines; a line break at the very end begins no line, and an empty text has none.</summary>
    Lines,

    /// <summary>Tokens of the model: those of the whole completion, whatever the input's template shows. A dry run must give them.</summary>
    Tokens,
}

/// <summary>Measures texts.</summary>
internal static class TextLength
{
    /// <summary>The grade when the tokens are not known.</summary>
    public static Grade Unknown { get; } =
        Grade.Failed(GradeError.InvalidVariableError, "The number of tokens is not known: give output_tokens with the sample.");

    /// <summary>The length; null for tokens that are not known.</summary>
    public static int? Of(string text, LengthUnit unit, GradingInput given) => unit switch
    {
        LengthUnit.Characters => CountCharacters(text),
        LengthUnit.Words => CountWords(text),
        LengthUnit.Lines => CountLines(text),
        LengthUnit.Tokens => given.Tokens,
    };

    private static int CountCharacters(string text)
    {
        var count = 0;
        for (var i = 0; i < text.Length; i++, count++)
        {
            i += char.IsSurrogatePair(text, i) ? 1 : 0;
        }

        return count;
    }

    private static int CountWords(string text)
    {
        var count = 0;
        var inWord = false;
        foreach (var character in text)
        {
            var space = char.IsWhiteSpace(character);
            count += !space && !inWord ? 1 : 0;
            inWord = !space;
        }

        return count;
    }

    private static int CountLines(string text)
    {
        var count = text.Length > 0 && text[^1] is not ('\n' or '\r') ? 1 : 0;
        for (var i = 0; i < text.Length; i++)
        {
            count += text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')) ? 1 : 0;
        }

        return count;
    }
}
