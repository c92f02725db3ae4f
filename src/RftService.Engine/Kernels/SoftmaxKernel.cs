using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>Log-probs, entropies and softmax of logits in one pass over each row.</summary>
internal static unsafe class SoftmaxKernel
{
    private const int Lanes = 16;

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
            for (var i = from; i < to; i++)
            {
                var row = new Span<float>(all + (i * width), width);
                var most = TensorPrimitives.Max<float>(row);
                var target = row[(int)ids[i]] - most;
                var (sum, weighted) = Powers(all + (i * width), width, most);
                var logSum = MathF.Log(sum);
                logP[i] = target - logSum;
                entropy[i] = logSum - (weighted / sum);
                TensorPrimitives.Multiply(row, 1 / sum, row);
            }
        });
    }

    // z becomes e^(z − most). -> Σ e^(z − most), Σ (z − most) · e^(z − most)
    private static (float Sum, float Weighted) Powers(float* row, int width, float most)
    {
        var (sums, weighted, largest) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512.Create(most));
        var i = 0;
        for (; i + Lanes <= width; i += Lanes)
        {
            var z = Vector512.Load(row + i) - largest;
            var power = Exponential.Of(z);
            power.Store(row + i);
            sums += power;
            weighted = Vector512.FusedMultiplyAdd(z, power, weighted);
        }

        var (sum, total) = (Vector512.Sum(sums), Vector512.Sum(weighted));
        for (; i < width; i++)
        {
            var z = row[i] - most;
            row[i] = MathF.Exp(z);
            (sum, total) = (sum + row[i], total + (z * row[i]));
        }

        return (sum, total);
    }
}
