using System.Collections.Concurrent;
using TorchSharp;

namespace RftService.Engine.Native;

/// <summary>
/// Numbers for tensor operations. TorchSharp makes a temporary Scalar of a plain number, and the garbage collector may free it before the
/// native call reads it (seen: "Scalar.h: Expected false to be true" once in some hundred steps). So they are made once and kept; there
/// are as many as options have different values.
/// </summary>
internal static class Constant
{
    private static readonly ConcurrentDictionary<double, Scalar> Reals = new();
    private static readonly ConcurrentDictionary<long, Scalar> Integers = new();

    public static Scalar Of(double number) => Reals.GetOrAdd(number, static one => one);

    public static Scalar Of(long number) => Integers.GetOrAdd(number, static one => one);

    /// <summary>int64 [count] from a start on: `arange` makes such Scalars inside.</summary>
    public static torch.Tensor Range(long start, long count, torch.Device device)
    {
        var values = new long[count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = start + i;
        }

        return torch.tensor(values, device: device);
    }

    /// <summary>Sum of all elements, read without such a Scalar.</summary>
    public static double Total(this torch.Tensor values) => values.sum().to_type(torch.ScalarType.Float64).item<double>();
}
