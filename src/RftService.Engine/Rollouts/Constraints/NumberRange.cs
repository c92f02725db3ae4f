using System.Numerics;
using System.Text.Json;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>A bound on numbers, exactly, in units of 10^-15.</summary>
internal readonly record struct NumberBound(BigInteger Units, bool IsExclusive);

/// <summary>Multiples of Modulus · 10^(Zeros − Decimals); one of the two powers is 0, and the modulus does not end with 0.</summary>
internal readonly record struct NumberStep(int Modulus, int Zeros, int Decimals);

/// <summary>
/// Numbers between two bounds, or of which all are multiples of one, written without an exponent and with at most 15 digits in all: so many a reader keeps apart that reads 64-bit
/// floating point, so that what is below a bound as it is written is not rounded onto it.
/// </summary>
internal sealed record NumberRange(NumberBound? Least, NumberBound? Most, bool IsInteger, NumberStep? Step = null)
{
    /// <summary>Digits of a number, and of a bound before and behind the point.</summary>
    public const int MostDigits = 15;

    private const int MostModulus = 128; // a remainder is a state at each digit

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

    /// <summary>Reads what all numbers are multiples of; they are written with no more digits behind the point than it has.</summary>
    /// <exception cref="SchemaRefusedException">It is not above 0, or has too many digits.</exception>
    public static NumberStep ReadStep(JsonElement value, string place)
    {
        var units = Read(value, isExclusive: false, place).Units;
        if (units.Sign <= 0)
        {
            throw new SchemaRefusedException(place, "expected a number above 0");
        }

        var power = -MostDigits;
        for (; (units % 10).IsZero; units /= 10)
        {
            power++;
        }

        return units <= MostModulus
            ? new NumberStep((int)units, Math.Max(0, power), Math.Max(0, -power))
            : throw new SchemaRefusedException(place, $"expected at most {MostModulus}, or that with zeros behind it or a point in it, like 0.25 or 5000");
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
        var free = new Dictionary<(int, int, int), GrammarNode?>();
        var step = Step ?? new NumberStep(1, 0, MostDigits);
        for (var digits = 1; digits <= MostDigits; digits++)
        {
            var first = digits == 1 ? 0 : BigInteger.Pow(10, digits - 1) * One;
            var end = BigInteger.Pow(10, digits) * One;
            if (least.Units < end && (most is null || most.Value.Units >= first)
                && new Magnitude(
                    digits, IsInteger ? 0 : Math.Min(step.Decimals, MostDigits - digits), least, least.Units >= first, most ?? default, most?.Units < end, step, free, next).Start is { } way)
            {
                yield return way;
            }
        }
    }

    // Digit by digit: as long as those so far are the bound's own, the next one is held to the bound's next. What they leave over when divided is
    // carried along.
    private sealed class Magnitude
    {
        private readonly Dictionary<(int, bool, bool, int), GrammarNode?> _held = [];
        private readonly Dictionary<(int, int, int), GrammarNode?> _free; // by digits left before the point and behind it, and remainder: of all lengths
        private readonly int _whole;
        private readonly int _behind;
        private readonly (string Digits, bool IsExclusive) _least;
        private readonly (string Digits, bool IsExclusive) _most;
        private readonly NumberStep _step;
        private readonly GrammarNode _next;

        public Magnitude(
            int whole, int behind, NumberBound least, bool heldBelow, NumberBound most, bool heldAbove, NumberStep step, Dictionary<(int, int, int), GrammarNode?> free,
            GrammarNode next)
        {
            (_whole, _behind, _step, _free, _next) = (whole, behind, step, free, next);
            (_least, _most) = ((Digits(least.Units), least.IsExclusive), (Digits(most.Units), most.IsExclusive));
            Start = Digit(0, heldBelow, heldAbove, remainder: 0);
        }

        public GrammarNode? Start { get; }

        private string Digits(BigInteger units) => units.ToString(System.Globalization.CultureInfo.InvariantCulture).PadLeft(_whole + MostDigits, '0');

        // After so many digits.
        private GrammarNode? After(int place, bool below, bool above, int remainder)
        {
            if (place < _whole)
            {
                return Digit(place, below, above, remainder);
            }

            var ways = new List<GrammarNode>();
            if (MayEnd(place, below, above) && IsMultiple(place, remainder))
            {
                ways.Add(_next);
            }

            if (place < _whole + _behind && Digit(place, below, above, remainder) is { } more)
            {
                ways.Add(place == _whole ? JsonGrammar.Text(".", more) : more);
            }

            return ways.Count switch { 0 => null, 1 => ways[0], _ => JsonGrammar.Either(ways) };
        }

        private GrammarNode? Digit(int place, bool below, bool above, int remainder)
        {
            if (place > 0 && !below && !above)
            {
                var key = (_whole - place, _behind, remainder);
                return _free.TryGetValue(key, out var known) ? known : _free[key] = Ways(place, below, above, remainder);
            }

            return _held.TryGetValue((place, below, above, remainder), out var made) ? made : _held[(place, below, above, remainder)] = Ways(place, below, above, remainder);
        }

        private GrammarNode? Ways(int place, bool below, bool above, int remainder)
        {
            var (first, last) = (below ? _least.Digits[place] : place == 0 && _whole > 1 ? '1' : '0', above ? _most.Digits[place] : '9');
            var isZero = place < _whole && place >= _whole - _step.Zeros;
            var ways = new List<GrammarNode>();
            for (var digit = first; digit <= (isZero ? '0' : last); digit++)
            {
                var (from, isBelow, isAbove) = (digit, below && digit == first, above && digit == last);
                while (_step is { Modulus: 1, Zeros: 0 } && !isBelow && !isAbove && digit + 1 <= last && !(above && digit + 1 == last))
                {
                    digit++; // those between the bounds lead on alike
                }

                var left = isZero ? remainder : ((remainder * 10) + digit - '0') % _step.Modulus;
                if (After(place + 1, isBelow, isAbove, left) is { } next)
                {
                    ways.Add(new GrammarNode.Take(ByteSet.Range((byte)from, (byte)digit), next));
                }
            }

            return ways.Count == 0 ? null : JsonGrammar.Either(ways);
        }

        // Digits that are not written are zeros.
        private bool IsMultiple(int place, int remainder)
        {
            for (var unwritten = _step.Decimals - (place - _whole); unwritten > 0; unwritten--)
            {
                remainder = remainder * 10 % _step.Modulus;
            }

            return remainder == 0;
        }

        private bool MayEnd(int place, bool below, bool above)
        {
            bool Zeros((string Digits, bool) bound) => bound.Digits.AsSpan(place).IndexOfAnyExcept('0') < 0;
            return (!below || (Zeros(_least) && !_least.IsExclusive)) && (!above || !Zeros(_most) || !_most.IsExclusive);
        }
    }
}
