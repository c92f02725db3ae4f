using RftService.Engine.Kernels;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>
/// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in Hugging Face's layout: of R turned dimensions, i turns with i + R/2.
/// </summary>
/// <param name="rope">Frequencies and how many dimensions turn.</param>
/// <param name="headSize">Dh.</param>
/// <param name="dtype">Of the model. Angles are never below float32: positions are large.</param>
/// <param name="device">Where the model lies.</param>
internal sealed class Rotary(RopeSpec rope, int headSize, torch.ScalarType dtype, torch.Device device) : IDisposable
{
    private readonly torch.ScalarType _exact = dtype == torch.ScalarType.Float64 ? dtype : torch.ScalarType.Float32;
    private readonly Scalar? _amplitude = rope.Scaling is { Amplitude: var amplitude } && amplitude != 1 ? (Scalar)amplitude : null;

    private readonly torch.Tensor _frequencies = torch.tensor(Frequencies(rope), device: device)                 // [R/2]
        .to(dtype == torch.ScalarType.Float64 ? dtype : torch.ScalarType.Float32).DetachFromDisposeScope();

    /// <summary>Cosines and signed sines of positions; made once for all layers of a pass.</summary>
    /// <param name="positions">Int64 [B, S], B may be 1.</param>
    public Angles At(torch.Tensor positions)
    {
        var angles = positions.to(_exact).unsqueeze(-1).mul(_frequencies).unsqueeze(2);              // [B, S, 1, R/2]
        var (sine, cosine) = (angles.sin(), angles.cos());
        if (_amplitude is { } factor)
        {
            (sine, cosine) = (sine.mul_(factor), cosine.mul_(factor));
        }

        return new Angles(torch.cat([cosine, cosine], -1).to(dtype), torch.cat([sine.neg(), sine], -1).to(dtype), headSize); // [B, S, 1, R]
    }

    public void Dispose() => _frequencies.Dispose();

    internal static double[] Frequencies(RopeSpec rope)
    {
        var frequencies = new double[rope.Dimensions / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            var plain = Math.Pow(rope.Theta, -2.0 * i / rope.Dimensions);
            frequencies[i] = rope.Scaling?.Stretch(plain, i, rope) ?? plain;
        }

        return frequencies;
    }

    /// <param name="Cosine">[B, S, 1, R], B may be 1.</param>
    /// <param name="Sine">[B, S, 1, R], the first half negated.</param>
    /// <param name="HeadSize">Dh.</param>
    internal sealed record Angles(torch.Tensor Cosine, torch.Tensor Sine, long HeadSize)
    {
        private static readonly Scalar One = 1f;
        private readonly long _turned = Cosine.size(3);

        /// <summary>Turns heads, contiguous [B, S, heads, Dh], in place.</summary>
        public torch.Tensor Turn_(torch.Tensor heads) => Turn_(heads, Sine);

        /// <summary>Turns them back: the gradient's way, for a turn by −θ is the transpose of one by θ.</summary>
        public torch.Tensor TurnBack_(torch.Tensor heads) => Turn_(heads, Sine.neg());

        private torch.Tensor Turn_(torch.Tensor heads, torch.Tensor sine)
        {
            if (HostRows.Hold(heads))
            {
                RotaryKernel.Turn_(heads, Cosine, sine);
                return heads;
            }

            // A roll by half swaps the halves; the sign is in the sine.
            var turned = heads.narrow(3, 0, _turned);
            turned.copy_(turned.mul(Cosine).addcmul_(turned.roll(_turned / 2, -1), sine, One));
            return heads;
        }
    }
}
