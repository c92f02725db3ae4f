using System.Numerics;
using System.Text.Json;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>A bound on numbers, exactly, in units of 10^-15.</summary>
internal readonly record struct NumberBound(BigInteger Units, bool IsExclusive);

/// <summary>
/// Numbers between two bounds, written without an exponent and with at most 15 digits in all: so many a reader keeps apart that reads 64-bit
/// floating point, so that what is below a bound as it is written is not rounded onto it.
/// </summary>
internal sealed record NumberRange(NumberBound? Least, NumberBound? Most, bool IsInteger)
{
    /// <summary>Digits of a number, and of a bound before and behind the point.</summary>
    public const int MostDigits = 15;

    private static readonly BigInteger One = BigInteger.Pow(10, MostDigits);

    /// <summary>Reads a bound.</summary>
    /// <exception cref="SchemaRefusedException">It is no number, or not one that can be kept exactly.</exception>
    public static NumberBound Read(JsonElement value, bool isExclusive, string place)
    {
        if (value.ValueKind != JsonValueKind.Number)
        {
            throw new SchemaRefusedException(place, "expected a number");
        }

        var text = value.GetRawText().ToLowerInvariant().Split('e');
        var (mantissa, power) = (text[0], text.Length == 1 ? 0 : int.TryParse(text[1], out var known) && Math.Abs(known) <= 400 ? known
            : throw new SchemaRefusedException(place, "expected a number that 64-bit floating point can hold"));
        if (mantissa.Length > 400)
        {
            throw new SchemaRefusedException(place, "expected fewer digits");
        }

        power += MostDigits - (mantissa.Contains('.') ? mantissa.Length - mantissa.IndexOf('.') - 1 : 0);
        var units = BigInteger.Parse(mantissa.Replace(".", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture);
        var factor = BigInteger.Pow(10, Math.Abs(power));
        if (power < 0 && !(units % factor).IsZero)
        {
            throw new SchemaRefusedException(place, $"expected at most {MostDigits} digits behind the point");
        }

        units = power < 0 ? units / factor : units * factor;
        // With more, a number below it as written might be rounded onto it by a reader.
        return !isExclusive || BigInteger.Abs(units).ToString(System.Globalization.CultureInfo.InvariantCulture).TrimEnd('0').Length <= MostDigits
            ? new NumberBound(units, isExclusive)
            : throw new SchemaRefusedException(place, $"expected at most {MostDigits} digits of a bound that is left out itself");
    }

    /// <summary>Null when there is no such number.</summary>
    public GrammarNode? Grammar(GrammarNode next)
    {
        // Zero is written without a sign.
        var positive = Magnitudes(Least is { Units.Sign: >= 0 } least ? least : new NumberBound(0, false), Most, next);
        var negative = Magnitudes(
            Most is { Units.Sign: < 0 } most ? most with { Units = -most.Units } : new NumberBound(0, true),
            Least is { } low ? low with { Units = -low.Units } : null, next);
        GrammarNode[] ways = [.. positive, .. negative.Select(way => JsonGrammar.Text("-", way))];
        return ways.Length == 0 ? null : JsonGrammar.Either(ways);
    }

    // Numbers without a sign, by the count of their digits before the point.
    private IEnumerable<GrammarNode> Magnitudes(NumberBound least, NumberBound? most, GrammarNode next)
    {
        for (var digits = 1; digits <= MostDigits; digits++)
        {
            var first = digits == 1 ? 0 : BigInteger.Pow(10, digits - 1) * One;
            var end = BigInteger.Pow(10, digits) * One;
            if (least.Units < end && (most is null || most.Value.Units >= first)
                && new Magnitude(digits, IsInteger ? 0 : MostDigits - digits, least, least.Units >= first, most ?? default, most?.Units < end, next).Start is { } way)
            {
                yield return way;
            }
        }
    }

    // Digit by digit: as long as those so far are the bound's own, the next one is held to the bound's next.
    private sealed class Magnitude
    {
        private readonly Dictionary<(int, bool, bool), GrammarNode?> _made = [];
        private readonly int _whole;
        private readonly int _behind;
        private readonly (string Digits, bool IsExclusive) _least;
        private readonly (string Digits, bool IsExclusive) _most;
        private readonly GrammarNode _next;

        public Magnitude(int whole, int behind, NumberBound least, bool heldBelow, NumberBound most, bool heldAbove, GrammarNode next)
        {
            (_whole, _behind, _next) = (whole, behind, next);
            (_least, _most) = ((Digits(least.Units), least.IsExclusive), (Digits(most.Units), most.IsExclusive));
            Start = Digit(0, heldBelow, heldAbove);
        }

        public GrammarNode? Start { get; }

        private string Digits(BigInteger units) => units.ToString(System.Globalization.CultureInfo.InvariantCulture).PadLeft(_whole + MostDigits, '0');

        // After so many digits.
        private GrammarNode? After(int place, bool below, bool above)
        {
            if (place < _whole)
            {
                return Digit(place, below, above);
            }

            var ways = new List<GrammarNode>();
            if (MayEnd(place, below, above))
            {
                ways.Add(_next);
            }

            if (place < _whole + _behind && Digit(place, below, above) is { } more)
            {
                ways.Add(place == _whole ? JsonGrammar.Text(".", more) : more);
            }

            return ways.Count switch { 0 => null, 1 => ways[0], _ => JsonGrammar.Either(ways) };
        }

        private GrammarNode? Digit(int place, bool below, bool above)
        {
            if (_made.TryGetValue((place, below, above), out var made))
            {
                return made;
            }

            var (first, last) = (below ? _least.Digits[place] : place == 0 && _whole > 1 ? '1' : '0', above ? _most.Digits[place] : '9');
            var ways = new List<GrammarNode>();
            for (var digit = first; digit <= last; digit++)
            {
                var (from, isBelow, isAbove) = (digit, below && digit == first, above && digit == last);
                while (!isBelow && !isAbove && digit + 1 <= last && !(above && digit + 1 == last))
                {
                    digit++; // those between the bounds lead on alike
                }

                if (After(place + 1, isBelow, isAbove) is { } next)
                {
                    ways.Add(new GrammarNode.Take(ByteSet.Range((byte)from, (byte)digit), next));
                }
            }

            return _made[(place, below, above)] = ways.Count == 0 ? null : JsonGrammar.Either(ways);
        }

        private bool MayEnd(int place, bool below, bool above)
        {
            bool Zeros((string Digits, bool) bound) => bound.Digits.AsSpan(place).IndexOfAnyExcept('0') < 0;
            return (!below || (Zeros(_least) && !_least.IsExclusive)) && (!above || !Zeros(_most) || !_most.IsExclusive);
        }
    }
}
