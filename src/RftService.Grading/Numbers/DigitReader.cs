namespace RftService.Grading.Numbers;

/// <summary>Reads one unsigned decimal.</summary>
internal static class DigitReader
{
    /// <summary>The decimal that begins at <paramref name="at"/>, without a power of ten, or null.</summary>
    public static Digits? Read(ReadOnlySpan<char> text, int at)
    {
        var end = SkipDigits(text, at);
        if (end == at && !(IsPoint(text, at) && (at == 0 || !char.IsLetterOrDigit(text[at - 1]))))
        {
            return null;
        }

        // 0,123 is a list or a foreign decimal, never thousands; so is 1234,567.
        if (end - at is >= 1 and <= 3 && text[at] != '0')
        {
            while (SkipSeparator(text, end) is var group and > 0 && SkipDigits(text, group) == group + 3)
            {
                end = group + 3;
            }
        }

        if (IsPoint(text, end))
        {
            end = SkipDigits(text, end + 1);
        }

        return new Digits(at, end, 0);
    }

    /// <summary>Takes a power of ten behind the digits into the number, as e-3 or × 10^{3}; returns where the text goes on.</summary>
    public static int TakePower(ReadOnlySpan<char> text, ref Digits digits)
    {
        var at = digits.End;
        var exponent = at < text.Length && text[at] is 'e' or 'E' ? at + 1 : TimesTen(text, at);
        if (exponent < 0)
        {
            return at;
        }

        var braced = exponent < text.Length && text[exponent] == '{';
        exponent += braced ? 1 : 0;
        var negative = exponent < text.Length && text[exponent] is '-' or '\u2212';
        exponent += negative || (exponent < text.Length && text[exponent] == '+') ? 1 : 0;
        var end = SkipDigits(text, exponent);
        if (end == exponent || (braced && (end >= text.Length || text[end] != '}')))
        {
            return at;
        }

        var size = end - exponent <= 4 ? int.Parse(text[exponent..end], System.Globalization.CultureInfo.InvariantCulture) : Digits.TooLarge;
        digits = digits with { Exponent = negative ? -size : size };
        return braced ? end + 1 : end;
    }

    // Behind "× 10^" when that stands at `at`, else -1.
    private static int TimesTen(ReadOnlySpan<char> text, int at)
    {
        at += at < text.Length && text[at] == ' ' ? 1 : 0;
        var rest = text[at..];
        var sign = rest.StartsWith("\\times", StringComparison.Ordinal) ? 6
            : rest.StartsWith("\\cdot", StringComparison.Ordinal) ? 5
            : rest.Length > 0 && rest[0] is '×' or '·' or '*' or 'x' ? 1
            : 0;
        at += sign;
        at += at < text.Length && text[at] == ' ' ? 1 : 0;
        return sign > 0 && text[at..].StartsWith("10^", StringComparison.Ordinal) ? at + 3 : -1;
    }

    private static int SkipDigits(ReadOnlySpan<char> text, int at)
    {
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        return at;
    }

    // Behind a thousands separator: a comma, or a no-break, thin or narrow no-break space, or LaTeX's {,} and \, ; else -1.
    private static int SkipSeparator(ReadOnlySpan<char> text, int at) =>
        at >= text.Length ? -1
        : text[at] is ',' or '\u00a0' or '\u2009' or '\u202f' ? at + 1
        : text[at..].StartsWith("{,}", StringComparison.Ordinal) ? at + 3
        : text[at..].StartsWith("\\,", StringComparison.Ordinal) ? at + 2
        : -1;

    private static bool IsPoint(ReadOnlySpan<char> text, int at) => at + 1 < text.Length && text[at] == '.' && char.IsAsciiDigit(text[at + 1]);
}
