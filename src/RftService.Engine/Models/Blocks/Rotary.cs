using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>
/// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in Hugging Face's layout: dimension i turns with dimension i + Dh/2.
/// </summary>
internal sealed class Rotary(ModelConfig config, torch.Device device) : IDisposable
{
    private readonly torch.Tensor _frequencies = torch.tensor(Frequencies(config), device: device).DetachFromDisposeScope(); // [Dh/2]
    private readonly long _half = config.HeadSize / 2;

    /// <summary>Cosines and signed sines of positions; made once for all layers of a pass.</summary>
    /// <param name="positions">Int64 [B, S], B may be 1.</param>
    public Angles At(torch.Tensor positions)
    {
        var angles = positions.to(torch.float32).unsqueeze(-1).mul(_frequencies).unsqueeze(2);      // [B, S, 1, Dh/2]
        var sine = angles.sin();
        var cosine = angles.cos();
        return new Angles(torch.cat([cosine, cosine], -1), torch.cat([sine.neg(), sine], -1), _half); // [B, S, 1, Dh]
    }

    public void Dispose() => _frequencies.Dispose();

    internal static float[] Frequencies(ModelConfig config)
    {
        var frequencies = new float[config.HeadSize / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = (float)Stretch(Math.Pow(config.RopeTheta, -2.0 * i / config.HeadSize), config.RopeScaling);
        }

        return frequencies;
    }

    private static double Stretch(double frequency, RopeScaling? scaling)
    {
        if (scaling is null)
        {
            return frequency;
        }

        if (scaling.LowFrequencyFactor is not { } low)
        {
            return frequency / scaling.Factor;
        }

        // Llama 3.1: short waves stay, long ones are stretched, those between are blended.
        var turns = scaling.OriginalContext * frequency / (2 * Math.PI);
        var keep = Math.Clamp((turns - low) / (scaling.HighFrequencyFactor - low), 0, 1);
        return (keep * frequency) + ((1 - keep) * frequency / scaling.Factor);
    }

    /// <param name="Cosine">[B, S, 1, Dh]</param>
    /// <param name="Sine">[B, S, 1, Dh], the first half negated.</param>
    /// <param name="Half">Dh/2.</param>
    internal sealed record Angles(torch.Tensor Cosine, torch.Tensor Sine, long Half)
    {
        private static readonly Scalar One = 1f;

        /// <summary>Turns heads, [B, S, heads, Dh]. A roll by half the head swaps its halves; the sign is in the sine.</summary>
        public torch.Tensor Turn(torch.Tensor heads) =>
            heads.mul(Cosine).addcmul_(heads.roll(Half, -1), Sine, One);
    }
}
