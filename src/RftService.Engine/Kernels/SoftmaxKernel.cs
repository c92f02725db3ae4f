using System.Numerics.Tensors;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>Log-probs, entropies and softmax of logits in one pass over each row.</summary>
internal static unsafe class SoftmaxKernel
{
    /// <param name="logits">[C, V]; becomes the softmax.</param>
    /// <param name="targets">int64 [C].</param>
    /// <param name="logProbs">Of the targets, [C]; written.</param>
    /// <param name="entropies">In nats, [C]; written.</param>
    public static void Run(torch.Tensor logits, torch.Tensor targets, torch.Tensor logProbs, torch.Tensor entropies)
    {
        var width = (int)logits.size(1);
        float* all = HostRows.First(logits), logP = HostRows.First(logProbs), entropy = HostRows.First(entropies);
        var ids = HostRows.FirstLong(targets);
        HostRows.Each(logits.size(0), (_, from, to) =>
        {
            var powers = new float[width];
            for (var i = from; i < to; i++)
            {
                var row = new Span<float>(all + (i * width), width);
                TensorPrimitives.Subtract(row, TensorPrimitives.Max<float>(row), row);
                TensorPrimitives.Exp<float>(row, powers);
                var sum = TensorPrimitives.Sum<float>(powers);
                var logSum = MathF.Log(sum);
                logP[i] = row[(int)ids[i]] - logSum;
                entropy[i] = logSum - (TensorPrimitives.Dot<float>(powers, row) / sum);
                TensorPrimitives.Multiply(powers, 1 / sum, row);
            }
        });
    }
}
