using System.Globalization;
using System.Text.RegularExpressions;

namespace RftService.Engine.Tokenization;

/// <summary>A pattern of tokenizer.json: a literal text or a regular expression.</summary>
internal sealed class TextPattern
{
    // .NET regular expressions see UTF-16 units, so a letter beyond U+FFFF is no \p{L} to them. Such a character is matched through
    // a stand-in of the same general category, which no pattern names literally.
    private static readonly Dictionary<UnicodeCategory, char> StandIns = new()
    {
        [UnicodeCategory.UppercaseLetter] = '\u018F',
        [UnicodeCategory.LowercaseLetter] = '\u0221',
        [UnicodeCategory.ModifierLetter] = '\u02C0',
        [UnicodeCategory.OtherLetter] = '\u01BB',
        [UnicodeCategory.NonSpacingMark] = '\u0483',
        [UnicodeCategory.SpacingCombiningMark] = '\u0903',
        [UnicodeCategory.EnclosingMark] = '\u0488',
        [UnicodeCategory.DecimalDigitNumber] = '\u0660',
        [UnicodeCategory.LetterNumber] = '\u2160',
        [UnicodeCategory.OtherNumber] = '\u2460',
        [UnicodeCategory.Control] = '\u0081',
        [UnicodeCategory.Format] = '\u2060',
        [UnicodeCategory.PrivateUse] = '\uE000',
        [UnicodeCategory.ConnectorPunctuation] = '\u203F',
        [UnicodeCategory.DashPunctuation] = '\u2012',
        [UnicodeCategory.OpenPunctuation] = '\u2045',
        [UnicodeCategory.ClosePunctuation] = '\u2046',
        [UnicodeCategory.OtherPunctuation] = '\u2020',
        [UnicodeCategory.MathSymbol] = '\u2200',
        [UnicodeCategory.CurrencySymbol] = '\u20A0',
        [UnicodeCategory.ModifierSymbol] = '\u02D2',
        [UnicodeCategory.OtherSymbol] = '\u2600',
        [UnicodeCategory.OtherNotAssigned] = '\u0378',
    };

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);
    private readonly Regex? _regex;
    private readonly string? _literal;

    private TextPattern(Regex? regex, string? literal) => (_regex, _literal) = (regex, literal);

    public static TextPattern Literal(string text) => new(null, text);

    public static TextPattern Expression(string expression) =>
        new(new Regex(expression, RegexOptions.CultureInvariant | RegexOptions.Compiled, Timeout), null);

    /// <summary>Reads {"String": …} or {"Regex": …}.</summary>
    public static TextPattern Read(JsonPlace place)
    {
        place.Only("String", "Regex");
        if (place.Optional("String") is { } literal)
        {
            return literal.Text() is { Length: > 0 } text ? Literal(text) : throw literal.Fault("expected a text of at least one character, got none");
        }

        var expression = place["Regex"];
        if (expression.Text().Any(char.IsSurrogate))
        {
            throw expression.Fault("characters beyond U+FFFF in a regular expression are not supported");
        }

        try
        {
            return Expression(expression.Text());
        }
        catch (ArgumentException error)
        {
            throw expression.Fault($"the regular expression is not supported: {error.Message}", error);
        }
    }

    /// <summary>Start and end of each match, left to right.</summary>
    public List<(int Start, int End)> Matches(string text)
    {
        var matches = new List<(int Start, int End)>();
        if (_literal is not null)
        {
            for (var at = text.IndexOf(_literal, StringComparison.Ordinal); at >= 0; at = text.IndexOf(_literal, at + _literal.Length, StringComparison.Ordinal))
            {
                matches.Add((at, at + _literal.Length));
            }

            return matches;
        }

        try
        {
            var (searched, positions) = WithStandIns(text);
            foreach (var match in _regex!.EnumerateMatches(searched))
            {
                var end = match.Index + match.Length;
                matches.Add(positions is null ? (match.Index, end) : (positions[match.Index], positions[end]));
            }
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new TrainingException(
                TrainingFault.RowUnusable,
                $"a text of {text.Length} characters keeps the tokenizer's regular expression busy for more than {Timeout.TotalSeconds:0} s",
                "Shorten the row's text.",
                error);
        }

        return matches;
    }

    public string Replace(string text, string content)
    {
        if (_literal is not null)
        {
            return text.Replace(_literal, content, StringComparison.Ordinal);
        }

        var replaced = new System.Text.StringBuilder(text.Length);
        var done = 0;
        foreach (var (start, end) in Matches(text))
        {
            replaced.Append(text, done, start - done).Append(content);
            done = end;
        }

        return replaced.Append(text, done, text.Length - done).ToString();
    }

    private static (string Text, int[]? Positions) WithStandIns(string text)
    {
        if (!text.Any(char.IsSurrogate))
        {
            return (text, null);
        }

        var searched = new System.Text.StringBuilder(text.Length);
        var positions = new int[text.Length + 1];
        for (var i = 0; i < text.Length; i++)
        {
            positions[searched.Length] = i;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                searched.Append(StandIns.GetValueOrDefault(CharUnicodeInfo.GetUnicodeCategory(text, i), '\u2600'));
                i++;
            }
            else
            {
                searched.Append(text[i]);
            }
        }

        positions[searched.Length] = text.Length;
        return (searched.ToString(), positions);
    }
}
