using System.Numerics.Tensors;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>Rotary position embedding (Su et al. 2021, arXiv:2104.09864): of R turned dimensions, i turns with i + R/2.</summary>
internal static unsafe class RotaryKernel
{
    /// <param name="heads">[B, S, heads, Dh]; turned in place.</param>
    /// <param name="cosine">[B, S, 1, R], B may be 1, contiguous.</param>
    /// <param name="sine">The same, the first half negated.</param>
    public static void Turn_(torch.Tensor heads, torch.Tensor cosine, torch.Tensor sine)
    {
        int count = (int)heads.size(2), size = (int)heads.size(3), turned = (int)cosine.size(3), half = turned / 2;
        long angles = cosine.size(0) * cosine.size(1);
        float* all = HostRows.First(heads), cosines = HostRows.First(cosine), sines = HostRows.First(sine);
        HostRows.Each(heads.size(0) * heads.size(1), (_, from, to) =>
        {
            Span<float> swapped = stackalloc float[turned];
            for (var i = from; i < to; i++)
            {
                var place = i % angles * turned;
                ReadOnlySpan<float> cos = new(cosines + place, turned), sin = new(sines + place, turned);
                for (var head = 0; head < count; head++)
                {
                    var x = new Span<float>(all + (((i * count) + head) * size), turned);
                    TensorPrimitives.Multiply(x[half..], sin[..half], swapped[..half]);
                    TensorPrimitives.Multiply(x[..half], sin[half..], swapped[half..]);
                    TensorPrimitives.FusedMultiplyAdd(x, cos, swapped, x);
                }
            }
        });
    }
}
