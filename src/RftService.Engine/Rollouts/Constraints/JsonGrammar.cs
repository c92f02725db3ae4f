using System.Text;
using static RftService.Engine.Rollouts.Constraints.GrammarNode;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>
/// The pieces of JSON text as grammars; each is given what follows it. Compact, but for one space that may follow a colon or a comma: without
/// a bound a weak model writes spaces for ever. For the same reason numbers have at most 15 digits before and behind the point, and an exponent
/// of two.
/// </summary>
internal static class JsonGrammar
{
    private const int MostDigits = 15;

    private static readonly ByteSet Digit = ByteSet.Range((byte)'0', (byte)'9');
    private static readonly ByteSet Hex = Digit | ByteSet.Range((byte)'a', (byte)'f') | ByteSet.Range((byte)'A', (byte)'F');
    private static readonly ByteSet Continuation = ByteSet.Range(0x80, 0xBF);

    public static GrammarNode Text(string text, GrammarNode next)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            next = new Take(ByteSet.Of(bytes[i]), next);
        }

        return next;
    }

    /// <summary>A comma or a colon, and maybe a space.</summary>
    public static GrammarNode Sign(char sign, GrammarNode next) => Text($"{sign}", Either(next, Text(" ", next)));

    public static GrammarNode Either(params IEnumerable<GrammarNode> ways) => new Split { Ways = [.. ways] };

    public static GrammarNode Integer(GrammarNode next)
    {
        var number = Either(Text("0", next), new Take(ByteSet.Range((byte)'1', (byte)'9'), Digits(MostDigits - 1, next)));
        return Either(number, Text("-", number));
    }

    public static GrammarNode Number(GrammarNode next)
    {
        GrammarNode digits = new Take(Digit, Digits(1, next));
        var exponent = new Take(ByteSet.Of("eE"u8), Either(digits, new Take(ByteSet.Of("+-"u8), digits)));
        var behindPoint = Either(next, exponent);
        var fraction = Text(".", new Take(Digit, Digits(MostDigits - 1, behindPoint)));
        return Integer(Either(behindPoint, fraction));
    }

    /// <summary>Any text in quotes: valid UTF-8, and escapes that are characters.</summary>
    public static GrammarNode String(GrammarNode next)
    {
        var characters = new Split { Ways = [Text("\"", next)] };
        characters.Ways.AddRange(Character(characters));
        return Text("\"", characters);
    }

    /// <summary>`item`s between brackets, parted by commas.</summary>
    /// <param name="item">An item before what follows it.</param>
    /// <param name="least">Fewest of them.</param>
    /// <param name="most">Most of them; null: no bound.</param>
    /// <param name="next">What follows the closing bracket.</param>
    public static GrammarNode Array(Func<GrammarNode, GrammarNode> item, int least, int? most, GrammarNode next)
    {
        var end = Text("]", next);
        if (most is 0)
        {
            return Text("[", end);
        }

        // From the last item to the first: behind item number i there may be the end, or a comma and one more.
        GrammarNode behind;
        if (most is { } bound)
        {
            behind = end;
            for (var count = bound - 1; count >= 1; count--)
            {
                var more = Sign(',', item(behind));
                behind = count >= least ? Either(end, more) : more;
            }
        }
        else
        {
            var loop = new Split { Ways = [end] };
            loop.Ways.Add(Sign(',', item(loop)));
            behind = loop;
            for (var count = least - 1; count >= 1; count--)
            {
                behind = Sign(',', item(behind));
            }
        }

        var first = item(behind);
        return Text("[", least == 0 ? Either(end, first) : first);
    }

    private static GrammarNode Digits(int most, GrammarNode next) =>
        most == 0 ? next : Either(next, new Take(Digit, Digits(most - 1, next)));

    /// <summary>The ways to write a character inside quotes.</summary>
    public static IEnumerable<GrammarNode> Character(GrammarNode next)
    {
        var plain = ByteSet.Range(0x20, 0x21) | ByteSet.Range(0x23, 0x5B) | ByteSet.Range(0x5D, 0x7F);
        yield return new Take(plain, next);

        // Well-formed UTF-8, Unicode 15 table 3-7.
        var last = new Take(Continuation, next);
        var lastTwo = new Take(Continuation, last);
        yield return new Take(ByteSet.Range(0xC2, 0xDF), last);
        yield return new Take(ByteSet.Of(0xE0), new Take(ByteSet.Range(0xA0, 0xBF), last));
        yield return new Take(ByteSet.Range(0xE1, 0xEC) | ByteSet.Range(0xEE, 0xEF), lastTwo);
        yield return new Take(ByteSet.Of(0xED), new Take(ByteSet.Range(0x80, 0x9F), last));
        yield return new Take(ByteSet.Of(0xF0), new Take(ByteSet.Range(0x90, 0xBF), lastTwo));
        yield return new Take(ByteSet.Range(0xF1, 0xF3), new Take(Continuation, lastTwo));
        yield return new Take(ByteSet.Of(0xF4), new Take(ByteSet.Range(0x80, 0x8F), lastTwo));
        yield return Text("\\", Either(new Take(ByteSet.Of("\"\\/bfnrt"u8), next), Text("u", Unit(next))));
    }

    // Four hexadecimal digits; half a surrogate pair is followed by the other half.
    private static GrammarNode Unit(GrammarNode next)
    {
        var two = new Take(Hex, new Take(Hex, next));
        var notD = Digit | ByteSet.Of("abcefABCEF"u8);
        var low = Text("\\u", new Take(ByteSet.Of("dD"u8), new Take(ByteSet.Of("cdefCDEF"u8), two)));
        return Either(
            new Take(notD, new Take(Hex, two)),
            new Take(ByteSet.Of("dD"u8), Either(
                new Take(ByteSet.Range((byte)'0', (byte)'7'), two),
                new Take(ByteSet.Of("89abAB"u8), new Take(Hex, new Take(Hex, low))))));
    }
}
