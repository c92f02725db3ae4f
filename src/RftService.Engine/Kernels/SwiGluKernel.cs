using System.Numerics.Tensors;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>y = g · σ(g) · u (Shazeer 2020, arXiv:2002.05202), and its gradient.</summary>
internal static unsafe class SwiGluKernel
{
    // A piece that stays in the first cache with all that is made of it.
    private const int Piece = 1024;

    /// <param name="gate">g, contiguous.</param>
    /// <param name="up">u, of the same shape, contiguous.</param>
    public static torch.Tensor Forward(torch.Tensor gate, torch.Tensor up)
    {
        var output = torch.empty_like(gate);
        float* g = HostRows.First(gate), u = HostRows.First(up), y = HostRows.First(output);
        EachPiece(gate.numel(), (start, count) =>
        {
            var target = new Span<float>(y + start, count);
            TensorPrimitives.Sigmoid(new ReadOnlySpan<float>(g + start, count), target);
            TensorPrimitives.Multiply(target, new ReadOnlySpan<float>(g + start, count), target);
            TensorPrimitives.Multiply(target, new ReadOnlySpan<float>(u + start, count), target);
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
        EachPiece(gate.numel(), (start, count) =>
        {
            Span<float> room = stackalloc float[2 * Piece];
            Span<float> sigma = room[..count], swish = room.Slice(Piece, count);
            Span<float> forGate = new(g + start, count), forUp = new(u + start, count);
            var output = new ReadOnlySpan<float>(dy + start, count);
            TensorPrimitives.Sigmoid(forGate, sigma);
            TensorPrimitives.Multiply(sigma, forGate, swish);                                      // g·σ
            TensorPrimitives.Subtract(1f, sigma, forGate);
            TensorPrimitives.FusedMultiplyAdd(swish, forGate, sigma, forGate);
            TensorPrimitives.Multiply(forGate, forUp, forGate);
            TensorPrimitives.Multiply(forGate, output, forGate);
            TensorPrimitives.Multiply(swish, output, forUp);
        });
        GC.KeepAlive(toOutput);
    }

    private static void EachPiece(long elements, Action<long, int> work) =>
        HostRows.Each((elements + Piece - 1) / Piece, (_, from, to) =>
        {
            for (var piece = from; piece < to; piece++)
            {
                work(piece * Piece, (int)Math.Min(Piece, elements - (piece * Piece)));
            }
        });
}
