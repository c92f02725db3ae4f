using System.Globalization;
using System.Text;

namespace RftService.Engine.Tokenization;

/// <summary>A token that is found in the text before the model sees it.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special, bool Normalized, bool LeftStrip, bool RightStrip, bool SingleWord)
{
    public static AddedToken Read(JsonPlace place, int id)
    {
        place.Only("id", "content", "special", "normalized", "lstrip", "rstrip", "single_word", "__type");
        var special = place.Bool("special", false);
        return new AddedToken(
            id, place["content"].Text(), special, place.Bool("normalized", !special), place.Bool("lstrip", false), place.Bool("rstrip", false), place.Bool("single_word", false));
    }
}

/// <summary>Finds added tokens in a text: leftmost first, longest among those that start at the same place.</summary>
internal sealed class AddedTokens
{
    private readonly Node _root = new();

    /// <param name="tokens">What to find.</param>
    /// <param name="pattern">How a token is written in the text that is searched: its content, normalized or not.</param>
    public AddedTokens(IEnumerable<AddedToken> tokens, Func<string, string> pattern)
    {
        foreach (var token in tokens)
        {
            var node = _root;
            foreach (var unit in pattern(token.Content))
            {
                node.Next.TryAdd(unit, new Node());
                node = node.Next[unit];
            }

            node.Token ??= node == _root ? null : token;
        }
    }

    /// <summary>The text cut at its tokens; a part is a token or the text between two.</summary>
    public IEnumerable<(int Start, int End, AddedToken? Token)> Cut(string text)
    {
        var (done, at) = (0, 0);
        while (at < text.Length)
        {
            if (Longest(text, at) is not { } match)
            {
                at++;
                continue;
            }

            var (start, end, token) = (at, match.End, match.Token);
            at = end;
            if (token.SingleWord && ((start > 0 && IsWord(Rune.GetRuneAt(text, RuneStart(text, start - 1)))) || (end < text.Length && IsWord(Rune.GetRuneAt(text, end)))))
            {
                continue;
            }

            while (token.LeftStrip && start > done && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }

            while (token.RightStrip && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            if (start > done)
            {
                yield return (done, start, null);
            }

            yield return (start, end, token);
            done = end;
            at = end;
        }

        if (done < text.Length)
        {
            yield return (done, text.Length, null);
        }
    }

    private (int End, AddedToken Token)? Longest(string text, int start)
    {
        (int, AddedToken)? longest = null;
        var node = _root;
        for (var i = start; i < text.Length && node.Next.TryGetValue(text[i], out var next); i++)
        {
            node = next;
            longest = node.Token is { } token ? (i + 1, token) : longest;
        }

        return longest;
    }

    private static int RuneStart(string text, int at) => at > 0 && char.IsLowSurrogate(text[at]) ? at - 1 : at;

    private static bool IsWord(Rune rune) => Rune.IsLetterOrDigit(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.ConnectorPunctuation or UnicodeCategory.LetterNumber
            or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
        || rune.Value is 0x200C or 0x200D;

    private sealed class Node
    {
        public Dictionary<char, Node> Next { get; } = [];

        public AddedToken? Token { get; set; }
    }
}
