using System.Numerics.Tensors;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>y = x · r · w with r = 1 / √(mean(x²) + ε) over each row (Zhang and Sennrich 2019, arXiv:1910.07467), and its gradient.</summary>
internal static unsafe class RmsNormKernel
{
    /// <param name="x">[..., D]</param>
    /// <param name="weight">[D]</param>
    /// <param name="epsilon">ε.</param>
    public static torch.Tensor Forward(torch.Tensor x, torch.Tensor weight, double epsilon)
    {
        x = x.contiguous();
        var output = torch.empty_like(x);
        var width = (int)weight.numel();
        float* input = HostRows.First(x), target = HostRows.First(output), factors = HostRows.First(weight);
        HostRows.Each(x.numel() / width, (_, from, to) =>
        {
            var factor = new ReadOnlySpan<float>(factors, width);
            for (var i = from; i < to; i++)
            {
                var row = new ReadOnlySpan<float>(input + (i * width), width);
                var y = new Span<float>(target + (i * width), width);
                TensorPrimitives.Multiply(row, Scale(row, epsilon), y);
                TensorPrimitives.Multiply(y, factor, y);
            }
        });
        GC.KeepAlive(x);
        return output;
    }

    /// <summary>∂L/∂x = r·g − x · r³ · (g·x) / D with g = w · ∂L/∂y; that to the weight, Σ r · x · ∂L/∂y, is added.</summary>
    /// <param name="toOutput">∂L/∂y, [..., D].</param>
    /// <param name="x">[..., D]</param>
    /// <param name="weight">[D]</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="toWeight">[D]; null: the weight is frozen.</param>
    /// <returns>[..., D]</returns>
    public static torch.Tensor Backward(torch.Tensor toOutput, torch.Tensor x, torch.Tensor weight, double epsilon, torch.Tensor? toWeight)
    {
        (toOutput, x) = (toOutput.contiguous(), x.contiguous());
        var toInput = torch.empty_like(x);
        var width = (int)weight.numel();
        float* output = HostRows.First(toOutput), input = HostRows.First(x), target = HostRows.First(toInput), factors = HostRows.First(weight);
        var sums = new float[HostRows.Ranges][];
        HostRows.Each(x.numel() / width, (range, from, to) =>
        {
            var factor = new ReadOnlySpan<float>(factors, width);
            var (g, sum) = (new float[width], new float[width]);
            sums[range] = sum;
            for (var i = from; i < to; i++)
            {
                ReadOnlySpan<float> dy = new(output + (i * width), width), row = new(input + (i * width), width);
                var dx = new Span<float>(target + (i * width), width);
                var r = Scale(row, epsilon);
                TensorPrimitives.Multiply(dy, factor, g);
                var slope = TensorPrimitives.Dot(g, row) * r * r * r / width;
                TensorPrimitives.Multiply(row, r, dx);
                TensorPrimitives.FusedMultiplyAdd(dx, dy, sum, sum);
                TensorPrimitives.Multiply(g, r, g);
                TensorPrimitives.FusedMultiplyAdd(row, -slope, g, dx);
            }
        });
        GC.KeepAlive(toOutput);
        GC.KeepAlive(x);

        if (toWeight is not null)
        {
            var total = new Span<float>(HostRows.First(toWeight), width);
            foreach (var sum in sums)
            {
                TensorPrimitives.Add(total, sum, total);
            }
        }

        return toInput;
    }

    private static float Scale(ReadOnlySpan<float> row, double epsilon) =>
        (float)(1 / Math.Sqrt((TensorPrimitives.SumOfSquares(row) / (double)row.Length) + epsilon));
}
