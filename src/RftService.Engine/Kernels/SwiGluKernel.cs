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
    /// <param name="gate">g.</param>
    /// <param name="up">u.</param>
    /// <returns>∂L/∂g and ∂L/∂u.</returns>
    public static torch.Tensor[] Backward(torch.Tensor toOutput, torch.Tensor gate, torch.Tensor up)
    {
        toOutput = toOutput.contiguous();
        torch.Tensor toGate = torch.empty_like(gate), toUp = torch.empty_like(up);
        float* dy = HostRows.First(toOutput), g = HostRows.First(gate), u = HostRows.First(up), dg = HostRows.First(toGate), du = HostRows.First(toUp);
        EachPiece(gate.numel(), (start, count) =>
        {
            Span<float> room = stackalloc float[Piece];
            var sigma = room[..count];
            var output = new ReadOnlySpan<float>(dy + start, count);
            Span<float> forGate = new(dg + start, count), forUp = new(du + start, count);
            TensorPrimitives.Sigmoid(new ReadOnlySpan<float>(g + start, count), sigma);
            TensorPrimitives.Multiply(sigma, new ReadOnlySpan<float>(g + start, count), forUp);     // g·σ
            TensorPrimitives.Subtract(1f, sigma, forGate);
            TensorPrimitives.FusedMultiplyAdd(forUp, forGate, sigma, forGate);
            TensorPrimitives.Multiply(forGate, new ReadOnlySpan<float>(u + start, count), forGate);
            TensorPrimitives.Multiply(forGate, output, forGate);
            TensorPrimitives.Multiply(forUp, output, forUp);
        });
        return [toGate, toUp];
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
