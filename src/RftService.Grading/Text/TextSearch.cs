namespace RftService.Grading.Text;

/// <summary>Finds a text in another in time linear in both, whatever they hold: the framework's search is quadratic on repetitive text.</summary>
internal static class TextSearch
{
    // Up to this length the framework's vectorized search is faster, and its worst case is still bounded.
    private const int Short = 64;

    /// <summary>True when <paramref name="value"/> occurs in <paramref name="text"/>.</summary>
    /// <param name="text">Where to look.</param>
    /// <param name="value">What to look for; not empty.</param>
    /// <param name="ignoreCase">Compare ordinally without regard to case.</param>
    /// <param name="wholeWords">The hit must not continue a word of letters, digits and underscores on either side.</param>
    public static bool Contains(string text, string value, bool ignoreCase, bool wholeWords = false)
    {
        if (!wholeWords && value.Length <= Short)
        {
            return text.Contains(value, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
        }

        if (ignoreCase)
        {
            (text, value) = (text.ToUpperInvariant(), value.ToUpperInvariant());
        }

        return Search(text, value, wholeWords);
    }

    // Knuth, Morris, Pratt: borders[i] is the length of the longest proper border of the first i characters.
    private static bool Search(string text, string value, bool wholeWords)
    {
        var borders = new int[value.Length + 1];
        borders[0] = -1;
        for (int i = 0, border = -1; i < value.Length;)
        {
            while (border >= 0 && value[i] != value[border])
            {
                border = borders[border];
            }

            borders[++i] = ++border;
        }

        for (int at = 0, matched = 0; at < text.Length;)
        {
            while (matched >= 0 && text[at] != value[matched])
            {
                matched = borders[matched];
            }

            at++;
            if (++matched == value.Length)
            {
                if (!wholeWords || (IsBoundary(text, at - value.Length) && IsBoundary(text, at)))
                {
                    return true;
                }

                matched = borders[matched];
            }
        }

        return false;
    }

    private static bool IsBoundary(string text, int at) =>
        at == 0 || at == text.Length || !IsWord(text[at - 1]) || !IsWord(text[at]);

    private static bool IsWord(char character) => char.IsLetterOrDigit(character) || character == '_';
}
