namespace RftService.Engine.Models;

/// <summary>How a layer turns queries and keys by position.</summary>
/// <param name="Theta">Base of the frequencies.</param>
/// <param name="Dimensions">The first so many dimensions of a head turn, the others stay; even.</param>
/// <param name="Scaling">Stretches the frequencies for a longer context; null: as they are.</param>
public sealed record RopeSpec(double Theta, int Dimensions, RopeScaling? Scaling = null);

/// <summary>How rotary frequencies are stretched for a longer context.</summary>
public abstract record RopeScaling
{
    /// <summary>Factor on the turned dimensions.</summary>
    public virtual double Amplitude => 1;

    /// <summary>The stretched frequency.</summary>
    /// <param name="frequency">As it would be without stretching.</param>
    /// <param name="index">0 to half the turned dimensions.</param>
    /// <param name="rope">What is stretched.</param>
    internal abstract double Stretch(double frequency, int index, RopeSpec rope);
}

/// <summary>Every frequency divided by one factor: positions are interpolated (Chen et al. 2023, arXiv:2306.15595).</summary>
/// <param name="Factor">The divisor.</param>
public sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    internal override double Stretch(double frequency, int index, RopeSpec rope) => frequency / Factor;
}

/// <summary>Llama 3.1: short waves stay, long ones are stretched, those between are blended (Dubey et al. 2024, arXiv:2407.21783).</summary>
/// <param name="Factor">Divides the frequencies of long waves.</param>
/// <param name="LowFrequencyFactor">Waves above original / this are stretched whole.</param>
/// <param name="HighFrequencyFactor">Waves below original / this are left alone.</param>
/// <param name="OriginalContext">The context before stretching.</param>
public sealed record Llama3RopeScaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, double OriginalContext) : RopeScaling
{
    internal override double Stretch(double frequency, int index, RopeSpec rope)
    {
        var turns = OriginalContext * frequency / (2 * Math.PI);
        var keep = Math.Clamp((turns - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor), 0, 1);
        return (keep * frequency) + ((1 - keep) * frequency / Factor);
    }
}

/// <summary>YaRN (Peng et al. 2023, arXiv:2309.00071): a ramp over the dimensions between left alone and stretched whole.</summary>
/// <param name="Factor">Divides the frequencies of slow dimensions.</param>
/// <param name="OriginalContext">The context before stretching.</param>
/// <param name="FastTurns">Dimensions that turn more often than this over the original context are left alone.</param>
/// <param name="SlowTurns">Dimensions that turn less often than this are stretched whole.</param>
/// <param name="WholeDimensions">The ramp begins and ends at whole dimensions.</param>
/// <param name="Scale">Factor on the turned dimensions; null: the paper's, 0.1 ln(factor) + 1.</param>
public sealed record YarnRopeScaling(
    double Factor, double OriginalContext, double FastTurns, double SlowTurns, bool WholeDimensions, double? Scale) : RopeScaling
{
    /// <inheritdoc />
    public override double Amplitude => Scale ?? (Factor > 1 ? (0.1 * Math.Log(Factor)) + 1 : 1);

    internal override double Stretch(double frequency, int index, RopeSpec rope)
    {
        var (low, high) = (Dimension(FastTurns, rope), Dimension(SlowTurns, rope));
        (low, high) = WholeDimensions ? (Math.Floor(low), Math.Ceiling(high)) : (low, high);
        (low, high) = (Math.Max(low, 0), Math.Min(high, rope.Dimensions - 1));
        high += low == high ? 0.001 : 0; // a ramp of no width would divide by 0
        var stretched = Math.Clamp((index - low) / (high - low), 0, 1);
        return (stretched * frequency / Factor) + ((1 - stretched) * frequency);
    }

    // The dimension that turns so often over the original context.
    private double Dimension(double turns, RopeSpec rope) =>
        rope.Dimensions * Math.Log(OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(rope.Theta));
}

/// <summary>LongRoPE (Ding et al. 2024, arXiv:2402.13753) inside the original context, where its short factors hold.</summary>
/// <param name="ShortFactors">Divisor of each frequency.</param>
/// <param name="OriginalContext">How far they hold.</param>
/// <param name="Scale">Factor on the turned dimensions.</param>
public sealed record LongRopeScaling(IReadOnlyList<double> ShortFactors, double OriginalContext, double Scale) : RopeScaling
{
    /// <inheritdoc />
    public override double Amplitude => Scale;

    internal override double Stretch(double frequency, int index, RopeSpec rope) => frequency / ShortFactors[index];
}
