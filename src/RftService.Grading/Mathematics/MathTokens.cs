using System.Text;
using static RftService.Grading.Mathematics.MathVocabulary;

namespace RftService.Grading.Mathematics;

/// <summary>Splits an answer in LaTeX or plain text into tokens: spacing, delimiters, units and other words fall away.</summary>
internal static class MathTokens
{
    private const int MaxTokens = 2000;

    public static List<MathToken> Read(string text)
    {
        var tokens = new List<MathToken>();
        for (var at = 0; at < text.Length;)
        {
            at = Step(text, at, tokens);
            if (tokens.Count > MaxTokens)
            {
                throw new MathSyntaxException("The answer is too long.");
            }
        }

        return SplitArguments(tokens);
    }

    // \frac12 is a half, \frac1{23} too has one digit above: a bare argument is one digit.
    private static List<MathToken> SplitArguments(List<MathToken> tokens)
    {
        for (var at = 0; at < tokens.Count; at++)
        {
            if (tokens[at].Is("frac") || tokens[at].Is("binom"))
            {
                SplitDigit(tokens, at + 1);
                SplitDigit(tokens, AfterGroup(tokens, at + 1));
            }
        }

        return tokens;
    }

    private static void SplitDigit(List<MathToken> tokens, int at)
    {
        if (at >= tokens.Count || tokens[at].Kind != MathTokenKind.Number || tokens[at].Text.Length < 2)
        {
            return;
        }

        var digits = tokens[at].Text;
        tokens[at] = new MathToken(MathTokenKind.Number, digits[1..]);
        tokens.InsertRange(at, [Symbol("{"), new(MathTokenKind.Number, digits[..1]), Symbol("}")]);
    }

    private static int AfterGroup(List<MathToken> tokens, int at)
    {
        if (at >= tokens.Count || !tokens[at].Is("{"))
        {
            return at + 1;
        }

        for (var depth = 0; at < tokens.Count; at++)
        {
            depth += tokens[at].Is("{") ? 1 : tokens[at].Is("}") ? -1 : 0;
            if (depth == 0)
            {
                break;
            }
        }

        return at + 1;
    }

    private static int Step(string text, int at, List<MathToken> tokens)
    {
        var next = text[at];
        if (char.IsAsciiDigit(next) || (next == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
        {
            return Number(text, at, tokens);
        }

        if (next == '\\')
        {
            return Command(text, at + 1, tokens);
        }

        if (char.IsAsciiLetter(next))
        {
            return Word(text, at, tokens);
        }

        if (Vulgars.TryGetValue(next, out var vulgar))
        {
            tokens.AddRange([Symbol("frac"), Symbol("{"), new(MathTokenKind.Number, vulgar.Top), Symbol("}"), Symbol("{"),
                new(MathTokenKind.Number, vulgar.Bottom), Symbol("}")]);
            return at + 1;
        }

        if (Symbols.TryGetValue(next.ToString(), out var symbol) && next is not ('{' or '}' or '\\'))
        {
            tokens.Add(Symbol(symbol));
        }
        else if (next is '<' or '>' or '!' && at + 1 < text.Length && text[at + 1] == '=')
        {
            tokens.Add(Symbol(next + "="));
            return at + 2;
        }
        else if (next == '*' && at + 1 < text.Length && text[at + 1] == '*')
        {
            tokens.Add(Symbol("^"));
            return at + 2;
        }
        else if (char.IsLetter(next))
        {
            tokens.Add(new MathToken(MathTokenKind.Variable, next.ToString()));
        }
        else if (!char.IsWhiteSpace(next) && next is not ('$' or '~' or '€' or '£' or '"' or '`'))
        {
            tokens.Add(Symbol(next.ToString()));
        }

        return at + 1;
    }

    // 1,234,567 and 1{,}234 are one number; where a comma could also list, only full groups of three count.
    private static int Number(string text, int at, List<MathToken> tokens)
    {
        var digits = new StringBuilder();
        var start = at;
        at = Digits(text, at, digits);
        if (at - start is > 0 and <= 3 && text[start] != '0')
        {
            while (Separator(text, at) is var from and > 0 && Digits(text, from, new StringBuilder()) == from + 3)
            {
                at = Digits(text, from, digits);
            }
        }

        if (at + 1 < text.Length && text[at] == '.' && char.IsAsciiDigit(text[at + 1]))
        {
            digits.Append('.');
            at = Digits(text, at + 1, digits);
        }

        // 1e5, but not 2e (twice Euler's number) nor 2e^x.
        if (at + 1 < text.Length && text[at] is 'e' or 'E' && (char.IsAsciiDigit(text[at + 1])
            || (text[at + 1] is '-' or '+' && at + 2 < text.Length && char.IsAsciiDigit(text[at + 2])
                && !text.AsSpan(start, at - start).Contains(' '))))
        {
            digits.Append('e').Append(text[at + 1]);
            at = Digits(text, at + 2, digits);
        }

        tokens.Add(new MathToken(MathTokenKind.Number, digits.ToString()));
        return at;
    }

    private static int Digits(string text, int at, StringBuilder digits)
    {
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            digits.Append(text[at++]);
        }

        return at;
    }

    private static int Separator(string text, int at) =>
        at < text.Length && text[at] == ',' ? at + 1
        : string.CompareOrdinal(text, at, "{,}", 0, 3) == 0 ? at + 3
        : string.CompareOrdinal(text, at, "\\,", 0, 2) == 0 ? at + 2
        : string.CompareOrdinal(text, at, ",\\!", 0, 3) == 0 ? at + 3
        : -1;

    private static int Command(string text, int at, List<MathToken> tokens)
    {
        var end = at;
        while (end < text.Length && char.IsAsciiLetter(text[end]))
        {
            end++;
        }

        if (end == at)
        {
            // \, \; \! \( \[ \$ are spacing and delimiters; \{ \% \\ mean something.
            if (at < text.Length && Symbols.TryGetValue(text[at].ToString(), out var escaped))
            {
                tokens.Add(Symbol(escaped));
            }

            return Math.Min(at + 1, text.Length);
        }

        var name = text[at..end];
        if (Texts.Contains(name) && end < text.Length && text[end] == '{')
        {
            var close = text.IndexOf('}', end);
            close = close < 0 ? text.Length : close; // never closed: the rest
            return InText(text[(end + 1)..close], Math.Min(close + 1, text.Length), tokens);
        }

        if (name is "begin" or "end" && end < text.Length && text[end] == '{' && text.IndexOf('}', end) is var brace and > 0)
        {
            tokens.Add(Symbol(name));
            return SkipColumns(text, brace + 1, name);
        }

        if (Functions.Contains(name))
        {
            tokens.Add(name == "sqrt" ? Symbol("root") : new MathToken(MathTokenKind.Function, name));
        }
        else if (Greek.Contains(name))
        {
            tokens.Add(new MathToken(MathTokenKind.Variable, name));
        }
        else if (Symbols.TryGetValue(name, out var symbol))
        {
            tokens.Add(Symbol(symbol));
        }
        else if (!Wrappers.Contains(name))
        {
            throw new MathSyntaxException($"The command \\{name} is not known.");
        }
        else if (name is "left" or "right" && end < text.Length && text[end] == '.')
        {
            end++; // an invisible bracket
        }

        return end;
    }

    // \begin{array}{cc}: the columns say nothing.
    private static int SkipColumns(string text, int at, string name) =>
        name == "begin" && at < text.Length && text[at] == '{' && text.IndexOf('}', at) is var close and > 0 ? close + 1 : at;

    // Words inside \text{}: "or" and "and" list, one letter is a name, anything else is a unit or a remark.
    private static int InText(string inner, int next, List<MathToken> tokens)
    {
        foreach (var word in inner.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (word is "or" or "and")
            {
                tokens.Add(Symbol(","));
            }
            else if (Functions.Contains(word))
            {
                tokens.Add(new MathToken(MathTokenKind.Function, word));
            }
            else if (word.Trim('(', ')', '.') is { Length: 1 } name && char.IsAsciiLetter(name[0]) && tokens.Count == 0)
            {
                tokens.Add(new MathToken(MathTokenKind.Variable, name));
            }
        }

        return next;
    }

    private static int Word(string text, int at, List<MathToken> tokens)
    {
        var end = at;
        while (end < text.Length && char.IsAsciiLetter(text[end]))
        {
            end++;
        }

        var word = text[at..end];
        if (Functions.Contains(word))
        {
            tokens.Add(word == "sqrt" ? Symbol("root") : new MathToken(MathTokenKind.Function, word));
        }
        else if (word is "pi" or "or" or "and" or "infinity" or "degrees" or "percent")
        {
            tokens.Add(Symbol(Symbols[word]));
        }
        else if (word.Length < 4 && !Units.Contains(word))
        {
            tokens.AddRange(word.Select(letter => new MathToken(MathTokenKind.Variable, letter.ToString())));
        }

        // Other words of four letters and more are units and remarks.
        return end;
    }

    private static MathToken Symbol(string text) => new(MathTokenKind.Symbol, text);
}
