using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>
/// Rows of float32 tensors in the host's memory. The kernels of this folder do in one pass over a row, which stays in the processor's cache,
/// what takes torch several passes over the whole tensor: in training at 15M parameters those were 30 % of a step.
/// </summary>
internal static unsafe class HostRows
{
    private const long Largest = int.MaxValue; // bytes of a span

    /// <summary>Whether the kernels can work on a tensor; elsewhere torch's own operations do.</summary>
    public static bool Hold(torch.Tensor tensor) => tensor.device_type == DeviceType.CPU && tensor.dtype == torch.ScalarType.Float32;

    /// <summary>
    /// First element of a contiguous float32 tensor. Something must hold the tensor until the work is done, as a dispose scope does: a bare address
    /// does not stop the collector.
    /// </summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous.</exception>
    public static float* First(torch.Tensor tensor)
    {
        if (tensor.numel() * tensor.element_size() <= Largest)
        {
            return (float*)Bytes(tensor); // which refuses what is not contiguous
        }

        if (!tensor.is_contiguous())
        {
            throw new ArgumentException("The tensor is not contiguous.", nameof(tensor));
        }

        using var first = tensor.view(-1).narrow(0, 0, 1); // a span cannot be as long as the tensor
        return (float*)Bytes(first);
    }

    /// <summary>The same for int64.</summary>
    public static long* FirstLong(torch.Tensor tensor) => (long*)First(tensor);

    /// <summary>Row after row, in as many equal ranges as torch has threads: the same ranges each time, so that sums are the same bit for bit.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="work">Does the rows from..to of range number n.</param>
    public static void Each(long rows, Action<int, long, long> work)
    {
        var ranges = Ranges;
        if (ranges == 1)
        {
            work(0, 0, rows);
        }
        else
        {
            Parallel.For(0, ranges, new ParallelOptions { MaxDegreeOfParallelism = ranges }, range => work(range, rows * range / ranges, rows * (range + 1) / ranges));
        }
    }

    private static byte* Bytes(torch.Tensor tensor)
    {
        fixed (byte* first = tensor.bytes) // torch's memory, which does not move
        {
            return first;
        }
    }

    /// <summary>How many ranges <see cref="Each"/> makes.</summary>
    public static int Ranges => torch.get_num_threads();
}
