using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RftService.Engine.Kernels;

/// <summary>
/// e^x in single precision, where .NET's own goes through double precision and takes twice as long. To within 2 units in the last place up to x = 88;
/// below −87.3, where a float has no full precision left, it is 0.
/// </summary>
internal static class Exponential
{
    private const float Smallest = -87.33f;
    private const float HighLn2 = 0.693359375f, LowLn2 = -2.12194440e-4f; // their sum is ln 2, and n · the first is exact
    private const float Log2E = 1.44269504f;

    // 2^n · e^r with |r| ≤ ln 2 / 2; the polynomial is that of Moshier's Cephes library, expf.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        var n = Vector512.Round(x * Vector512.Create(Log2E));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-HighLn2), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-LowLn2), r);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(1.9875691500e-4f), r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32Native(n) + Vector512.Create(127), 23).AsSingle();
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(Smallest)), Vector512<float>.Zero, p * power); // NaN stays NaN
    }

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) =>
        Vector512<float>.One / (Vector512<float>.One + Of(-Vector512.Max(x, Vector512.Create(-88f)))); // e^88 is still a float
}
