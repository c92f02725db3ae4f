using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>y = g · σ(g) · u (Shazeer 2020, arXiv:2002.05202), and its gradient.</summary>
internal static unsafe class SwiGluKernel
{
    private const int Lanes = 16;

    /// <param name="gate">g, contiguous.</param>
    /// <param name="up">u, of the same shape, contiguous.</param>
    public static torch.Tensor Forward(torch.Tensor gate, torch.Tensor up)
    {
        var output = torch.empty_like(gate);
        float* g = HostRows.First(gate), u = HostRows.First(up), y = HostRows.First(output);
        Each(gate.numel(), (from, to) =>
        {
            for (var i = from; i < to; i += Lanes)
            {
                Forward(g + i, u + i, y + i);
            }
        }, (start, count) =>
        {
            var room = stackalloc float[3 * Lanes];
            Copy(g + start, room, count);
            Copy(u + start, room + Lanes, count);
            Forward(room, room + Lanes, room + (2 * Lanes));
            Copy(room + (2 * Lanes), y + start, count);
        });
        return output;
    }

    /// <summary>∂L/∂u = ∂L/∂y · g·σ and ∂L/∂g = ∂L/∂y · u · (σ + g·σ · (1 − σ)).</summary>
    /// <param name="toOutput">∂L/∂y, of as many elements.</param>
    /// <param name="gate">g; becomes ∂L/∂g.</param>
    /// <param name="up">u; becomes ∂L/∂u.</param>
    public static void Backward(torch.Tensor toOutput, torch.Tensor gate, torch.Tensor up)
    {
        toOutput = toOutput.contiguous();
        float* dy = HostRows.First(toOutput), g = HostRows.First(gate), u = HostRows.First(up);
        Each(gate.numel(), (from, to) =>
        {
            for (var i = from; i < to; i += Lanes)
            {
                Backward(dy + i, g + i, u + i);
            }
        }, (start, count) =>
        {
            var room = stackalloc float[3 * Lanes];
            Copy(dy + start, room, count);
            Copy(g + start, room + Lanes, count);
            Copy(u + start, room + (2 * Lanes), count);
            Backward(room, room + Lanes, room + (2 * Lanes));
            Copy(room + Lanes, g + start, count);
            Copy(room + (2 * Lanes), u + start, count);
        });
        GC.KeepAlive(toOutput);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Forward(float* gate, float* up, float* output)
    {
        var g = Vector512.Load(gate);
        (g * Exponential.Sigmoid(g) * Vector512.Load(up)).Store(output);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Backward(float* toOutput, float* gate, float* up)
    {
        Vector512<float> dy = Vector512.Load(toOutput), g = Vector512.Load(gate), u = Vector512.Load(up);
        var sigma = Exponential.Sigmoid(g);
        var swish = g * sigma;
        (dy * u * Vector512.FusedMultiplyAdd(swish, Vector512<float>.One - sigma, sigma)).Store(gate);
        (dy * swish).Store(up);
    }

    // Whole vectors, and what is left of the last.
    private static void Each(long elements, Action<long, long> vectors, Action<long, int> rest)
    {
        var whole = elements / Lanes;
        HostRows.Each(whole, (_, from, to) => vectors(from * Lanes, to * Lanes));
        if (whole * Lanes < elements)
        {
            rest(whole * Lanes, (int)(elements - (whole * Lanes)));
        }
    }

    private static void Copy(float* from, float* to, int count) => new Span<float>(from, count).CopyTo(new(to, count));
}
