using System.Globalization;
using System.Numerics;

namespace RftService.Grading.Numbers;

/// <summary>An exact fraction; the denominator is positive. Not reduced: equality goes through <see cref="IsNear"/>.</summary>
internal readonly record struct Rational(BigInteger Numerator, BigInteger Denominator)
{
    /// <summary>The decimal that people see in <paramref name="value"/>: 0.1 is 1/10, not its binary neighbor.</summary>
    public static Rational FromShownDecimal(double value)
    {
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        return NumberReader.First(shortest, 0, shortest.Length)?.Evaluate(shortest)
            ?? throw new InvalidOperationException($"Expected a finite number, got {shortest}.");
    }

    public Rational Negate() => new(-Numerator, Denominator);

    public Rational Plus(Rational other) => new((Numerator * other.Denominator) + (other.Numerator * Denominator), Denominator * other.Denominator);

    public Rational Times(Rational other) => new(Numerator * other.Numerator, Denominator * other.Denominator);

    /// <summary>The same number in lowest terms.</summary>
    public Rational Reduced() => BigInteger.GreatestCommonDivisor(Numerator, Denominator) is { IsOne: false } divisor
        ? new Rational(Numerator / divisor, Denominator / divisor)
        : this;

    /// <summary>The nearest double; infinite when there is none.</summary>
    public double ToDouble()
    {
        // 64 bits of quotient survive whatever the lengths of the two are.
        var shift = (int)Math.Clamp(Denominator.GetBitLength() - Numerator.GetBitLength() + 64, -1_000_000, 1_000_000);
        var quotient = shift >= 0 ? (Numerator << shift) / Denominator : Numerator / (Denominator << -shift);
        return Math.ScaleB((double)quotient, -shift);
    }

    /// <summary>The quotient; null when <paramref name="divisor"/> is 0.</summary>
    public Rational? Over(Rational divisor)
    {
        var bottom = Denominator * divisor.Numerator;
        return bottom.Sign switch
        {
            0 => null,
            > 0 => new Rational(Numerator * divisor.Denominator, bottom),
            < 0 => new Rational(-Numerator * divisor.Denominator, -bottom),
        };
    }

    /// <summary>
    /// True when the distance to <paramref name="expected"/> is at most <paramref name="absolute"/>, or at most
    /// <paramref name="relative"/> of its size.
    /// </summary>
    public bool IsNear(Rational expected, Rational absolute, Rational relative)
    {
        // |a/b - c/d| <= p/q  <=>  |ad - cb| q <= p bd, all of b, d, q being positive.
        var distance = BigInteger.Abs((Numerator * expected.Denominator) - (expected.Numerator * Denominator));
        var share = Denominator * BigInteger.Abs(expected.Numerator);
        return distance.IsZero
            || distance * absolute.Denominator <= absolute.Numerator * Denominator * expected.Denominator
            || distance * relative.Denominator <= relative.Numerator * share;
    }
}
