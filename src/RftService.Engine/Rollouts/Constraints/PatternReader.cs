using System.Globalization;
using System.Text;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>
/// Reads the regular part of ECMA-262's patterns, by characters as under its flag `u`: literals, classes, groups, alternatives, quantifiers, anchors.
/// Lookaround, back-references and word boundaries are refused.
/// </summary>
internal sealed class PatternReader
{
    private const int MostDepth = 50;
    private const int MostTimes = 1000;

    private static readonly CharacterSet Digits = CharacterSet.Of(('0', '9'));
    private static readonly CharacterSet Word = CharacterSet.Of(('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_'));
    private static readonly CharacterSet Space = CharacterSet.Of(
        (9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));
    private static readonly CharacterSet LineEnds = CharacterSet.Of((10, 10), (13, 13), (0x2028, 0x2029));

    private readonly string _place;
    private readonly int[] _text;
    private int _at;

    private PatternReader(string pattern, string place)
    {
        (_place, _text) = (place, [.. pattern.EnumerateRunes().Select(rune => rune.Value)]);
    }

    private int Now => _at < _text.Length ? _text[_at] : -1;

    /// <exception cref="SchemaRefusedException">It is no pattern, or holds what is not regular.</exception>
    public static PatternNode Read(string pattern, string place)
    {
        var reader = new PatternReader(pattern, place);
        var node = reader.Choice(0);
        return reader.Now < 0 ? node : throw reader.Refused("a closing bracket stands alone");
    }

    private SchemaRefusedException Refused(string why) => new(_place, $"at character {_at + 1}: {why}");

    private bool Take(char sign)
    {
        var found = Now == sign;
        _at += found ? 1 : 0;
        return found;
    }

    private PatternNode Choice(int depth)
    {
        if (depth > MostDepth)
        {
            throw Refused($"groups may be nested {MostDepth} deep");
        }

        var ways = new List<PatternNode> { Sequence(depth) };
        while (Take('|'))
        {
            ways.Add(Sequence(depth));
        }

        return ways is [var only] ? only : new PatternNode.Choice(ways);
    }

    private PatternNode.Sequence Sequence(int depth)
    {
        var parts = new List<PatternNode>();
        while (Now is not (-1 or '|' or ')'))
        {
            parts.Add(Quantified(Atom(depth)));
        }

        return new PatternNode.Sequence(parts);
    }

    private PatternNode Atom(int depth)
    {
        var sign = Now;
        _at++;
        switch (sign)
        {
            case '^':
                return new PatternNode.Start();
            case '$':
                return new PatternNode.End();
            case '.':
                return new PatternNode.One(LineEnds.Others());
            case '[':
                return new PatternNode.One(Class());
            case '(':
                Opening();
                var inside = Choice(depth + 1);
                return Take(')') ? inside : throw Refused("a group is not closed");
            case '\\':
                return new PatternNode.One(Escaped(inClass: false));
            case '*' or '+' or '?' or '{' or '}' or ']':
                _at--;
                throw Refused($"{(char)sign} stands for itself only behind a backslash");
            default:
                return new PatternNode.One(CharacterSet.Of((sign, sign)));
        }
    }

    // What stands behind the bracket of a group.
    private void Opening()
    {
        if (!Take('?') || Take(':'))
        {
            return;
        }

        if (!Take('<') || Now is '=' or '!')
        {
            throw Refused("lookaround and flags are not supported");
        }

        while (!Take('>'))
        {
            _at += Now is -1 or ')' ? throw Refused("expected the name of a group") : 1;
        }
    }

    private PatternNode Quantified(PatternNode part)
    {
        (int, int?)? times = Now switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            _ => null,
        };
        if (times is not null)
        {
            _at++;
        }
        else if (Take('{'))
        {
            var least = Count();
            int? most = Take(',') ? Now == '}' ? null : Count() : least;
            times = !Take('}') ? throw Refused("expected {n}, {n,} or {n,m}")
                : most < least ? throw Refused("a quantifier ends below where it begins")
                : (least, most);
        }

        if (times is not { } known)
        {
            return part;
        }

        if (part is PatternNode.Start or PatternNode.End)
        {
            throw Refused("an anchor is not repeated");
        }

        Take('?'); // which of several matches is taken does not matter here
        return Now is '*' or '+' or '?' or '{'
            ? throw Refused("a quantifier has no quantifier of its own")
            : new PatternNode.Repeat(part, known.Item1, known.Item2);
    }

    private int Count()
    {
        var (from, count) = (_at, 0);
        while (Now is >= '0' and <= '9')
        {
            count = (count * 10) + (Now - '0');
            _at++;
            if (count > MostTimes)
            {
                throw Refused($"a quantifier counts to {MostTimes} at most");
            }
        }

        return _at > from ? count : throw Refused("expected a whole number");
    }

    private CharacterSet Class()
    {
        var isNegated = Take('^');
        var ranges = new List<(int First, int Last)>();
        while (!Take(']'))
        {
            var from = ClassPart();
            var isRange = Now == '-' && _at + 1 < _text.Length && _text[_at + 1] != ']';
            if (!isRange)
            {
                ranges.AddRange(from.Ranges);
                continue;
            }

            _at++;
            var to = ClassPart();
            ranges.Add(Single(from) is { } first && Single(to) is { } last && first <= last
                ? (first, last)
                : throw Refused("expected a range from one character to a later one"));
        }

        var set = CharacterSet.Of(ranges);
        set = isNegated ? set.Others() : set;
        return set.Ranges.Count > 0 ? set : throw Refused("a class has no characters");
    }

    private CharacterSet ClassPart()
    {
        if (Now < 0)
        {
            throw Refused("a class is not closed");
        }

        var sign = _text[_at++];
        return sign == '\\' ? Escaped(inClass: true) : CharacterSet.Of((sign, sign));
    }

    private static int? Single(CharacterSet set) => set.Ranges is [var (first, last)] && first == last ? first : null;

    private CharacterSet Escaped(bool inClass)
    {
        var sign = Now;
        _at++;
        return sign switch
        {
            'd' => Digits,
            'D' => Digits.Others(),
            'w' => Word,
            'W' => Word.Others(),
            's' => Space,
            'S' => Space.Others(),
            't' => CharacterSet.Of("\t"),
            'n' => CharacterSet.Of("\n"),
            'r' => CharacterSet.Of("\r"),
            'v' => CharacterSet.Of("\v"),
            'f' => CharacterSet.Of("\f"),
            'b' when inClass => CharacterSet.Of("\b"),
            '0' when Now is < '0' or > '9' => CharacterSet.Of("\0"),
            'x' => Character(Hex(2)),
            'u' => Character(Unit()),
            >= '1' and <= '9' or 'k' => throw Refused("back-references are not supported"),
            'b' or 'B' => throw Refused("word boundaries are not supported"),
            'p' or 'P' => throw Refused("properties of characters are not supported: give their ranges"),
            >= 0 and < 128 when !char.IsAsciiLetterOrDigit((char)sign) => CharacterSet.Of((sign, sign)),
            _ => throw Refused("a backslash stands before nothing that it is known for"),
        };
    }

    private CharacterSet Character(int value) =>
        Rune.IsValid(value) ? CharacterSet.Of((value, value)) : throw Refused("half a surrogate pair is no character");

    // \u0041, \u{1F600}, or a pair of the first kind.
    private int Unit()
    {
        if (Take('{'))
        {
            var from = _at;
            while (Now is not ('}' or -1) && _at - from < 6)
            {
                _at++;
            }

            var value = Hex(_at - from, from);
            return Take('}') ? value : throw Refused("expected }");
        }

        var high = Hex(4);
        if (high is >= 0xD800 and < 0xDC00 && Take('\\') && Take('u'))
        {
            var low = Hex(4);
            return low is >= 0xDC00 and < 0xE000 ? char.ConvertToUtf32((char)high, (char)low) : throw Refused("half a surrogate pair is no character");
        }

        return high;
    }

    private int Hex(int digits)
    {
        _at += digits;
        return Hex(digits, _at - digits);
    }

    private int Hex(int digits, int from)
    {
        var text = string.Concat(_text.Skip(from).Take(digits).Select(sign => new Rune(sign)));
        return digits > 0 && text.Length == digits && int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw Refused("expected hexadecimal digits");
    }
}
