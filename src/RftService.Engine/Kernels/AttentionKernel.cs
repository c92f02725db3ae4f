using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RftService.Engine.Kernels;

/// <summary>Four rows that are worked on at once, so that what all of them need is read once. Where there are fewer, the last stands in for the missing.</summary>
internal readonly unsafe struct FourRows(float* a, float* b, float* c, float* d)
{
    public readonly float* A = a, B = b, C = c, D = d;
}

/// <summary>
/// What attention over blocks of 16 positions is made of. Eight sums are open at a time, since each takes four cycles to be ready for more and two
/// can be added to in each. Scores and mixtures are summed from the first to the last: how the work is cut up does not change a bit of them.
/// </summary>
internal static unsafe class AttentionKernel
{
    /// <summary>Query heads at once.</summary>
    public const int Together = 4;

    private const int Size = 16; // positions of a block, one Vector512 of floats

    /// <summary>Asks for a block of a head: they lie apart, so the processor does not guess which one comes next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(float* block, int headSize)
    {
        for (var i = 0; i < headSize && Sse.IsSupported; i++)
        {
            Sse.Prefetch0(block + (i * Size));
        }
    }

    /// <summary>q·k of two blocks.</summary>
    /// <param name="queries">Each [Dh].</param>
    /// <param name="key">[Dh, 16]</param>
    /// <param name="nextKey">The other block's.</param>
    /// <param name="headSize">Dh.</param>
    /// <param name="scores">Of the one block, each [16].</param>
    /// <param name="nextScores">Of the other.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Score(in FourRows queries, float* key, float* nextKey, int headSize, in FourRows scores, in FourRows nextScores)
    {
        Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        float* a = queries.A, b = queries.B, c = queries.C, d = queries.D;
        for (var i = 0; i < headSize; i++)
        {
            var (k0, k1) = (Vector512.Load(key + (i * Size)), Vector512.Load(nextKey + (i * Size)));
            var q = Vector512.Create(a[i]);
            a0 = Vector512.FusedMultiplyAdd(k0, q, a0);
            a1 = Vector512.FusedMultiplyAdd(k1, q, a1);
            q = Vector512.Create(b[i]);
            b0 = Vector512.FusedMultiplyAdd(k0, q, b0);
            b1 = Vector512.FusedMultiplyAdd(k1, q, b1);
            q = Vector512.Create(c[i]);
            c0 = Vector512.FusedMultiplyAdd(k0, q, c0);
            c1 = Vector512.FusedMultiplyAdd(k1, q, c1);
            q = Vector512.Create(d[i]);
            d0 = Vector512.FusedMultiplyAdd(k0, q, d0);
            d1 = Vector512.FusedMultiplyAdd(k1, q, d1);
        }

        a0.Store(scores.A);
        a1.Store(nextScores.A);
        b0.Store(scores.B);
        b1.Store(nextScores.B);
        c0.Store(scores.C);
        c1.Store(nextScores.C);
        d0.Store(scores.D);
        d1.Store(nextScores.D);
    }

    /// <summary>Scores become weights, not yet divided by their sum. What lies outside from..to gets weight 0.</summary>
    /// <param name="scores">[count], overwritten.</param>
    /// <param name="count">A multiple of 16.</param>
    /// <param name="from">First position seen.</param>
    /// <param name="to">Behind the last.</param>
    /// <param name="factor">Of the scores.</param>
    /// <param name="cap">Soft cap; null: none.</param>
    /// <returns>Their sum.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float Weigh(float* scores, int count, int from, int to, double factor, double? cap)
    {
        var scale = Vector512.Create((float)factor);
        var most = Vector512.Create(float.NegativeInfinity);
        for (var i = 0; i < count; i += Size)
        {
            var score = Vector512.Load(scores + i) * scale;
            if (cap is { } limit)
            {
                // c · tanh(x / c) = c · (1 − 2 / (exp(2x / c) + 1))
                var power = Exponential.Of(Vector512.Min(score * Vector512.Create((float)(2 / limit)), Vector512.Create(88f)));
                score = Vector512.Create((float)limit) * (Vector512<float>.One - (Vector512.Create(2f) / (power + Vector512<float>.One)));
            }

            score.Store(scores + i);
            for (var j = i; j < i + Size && (i < from || i + Size > to); j++)
            {
                scores[j] = j >= from && j < to ? scores[j] : float.NegativeInfinity;
            }

            most = Vector512.Max(most, Vector512.Load(scores + i));
        }

        var largest = float.NegativeInfinity;
        for (var i = 0; i < Size; i++)
        {
            largest = MathF.Max(largest, most[i]);
        }

        var sum = Vector512<float>.Zero;
        for (var i = 0; i < count; i += Size)
        {
            var weight = Exponential.Of(Vector512.Load(scores + i) - Vector512.Create(largest));
            weight.Store(scores + i);
            sum += weight;
        }

        return Vector512.Sum(sum);
    }

    /// <summary>Adds Σ w·v of a block.</summary>
    /// <param name="weights">Each [16].</param>
    /// <param name="value">[16, Dh]</param>
    /// <param name="positions">How many of the 16 count.</param>
    /// <param name="headSize">Dh.</param>
    /// <param name="sums">Each [Dh].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Mix(in FourRows weights, float* value, int positions, int headSize, in FourRows sums)
    {
        float* a = weights.A, b = weights.B, c = weights.C, d = weights.D;
        var i = 0;
        for (; i + (2 * Size) <= headSize; i += 2 * Size)
        {
            Vector512<float> a0 = Vector512.Load(sums.A + i), a1 = Vector512.Load(sums.A + i + Size), b0 = Vector512.Load(sums.B + i), b1 = Vector512.Load(sums.B + i + Size);
            Vector512<float> c0 = Vector512.Load(sums.C + i), c1 = Vector512.Load(sums.C + i + Size), d0 = Vector512.Load(sums.D + i), d1 = Vector512.Load(sums.D + i + Size);
            var place = value + i;
            for (var position = 0; position < positions; position++, place += headSize)
            {
                var (v0, v1) = (Vector512.Load(place), Vector512.Load(place + Size));
                var weight = Vector512.Create(a[position]);
                a0 = Vector512.FusedMultiplyAdd(v0, weight, a0);
                a1 = Vector512.FusedMultiplyAdd(v1, weight, a1);
                weight = Vector512.Create(b[position]);
                b0 = Vector512.FusedMultiplyAdd(v0, weight, b0);
                b1 = Vector512.FusedMultiplyAdd(v1, weight, b1);
                weight = Vector512.Create(c[position]);
                c0 = Vector512.FusedMultiplyAdd(v0, weight, c0);
                c1 = Vector512.FusedMultiplyAdd(v1, weight, c1);
                weight = Vector512.Create(d[position]);
                d0 = Vector512.FusedMultiplyAdd(v0, weight, d0);
                d1 = Vector512.FusedMultiplyAdd(v1, weight, d1);
            }

            a0.Store(sums.A + i);
            a1.Store(sums.A + i + Size);
            b0.Store(sums.B + i);
            b1.Store(sums.B + i + Size);
            c0.Store(sums.C + i);
            c1.Store(sums.C + i + Size);
            d0.Store(sums.D + i);
            d1.Store(sums.D + i + Size);
        }

        for (; i + Size <= headSize; i += Size)
        {
            Vector512<float> a0 = Vector512.Load(sums.A + i), b0 = Vector512.Load(sums.B + i), c0 = Vector512.Load(sums.C + i), d0 = Vector512.Load(sums.D + i);
            var place = value + i;
            for (var position = 0; position < positions; position++, place += headSize)
            {
                var v0 = Vector512.Load(place);
                a0 = Vector512.FusedMultiplyAdd(v0, Vector512.Create(a[position]), a0);
                b0 = Vector512.FusedMultiplyAdd(v0, Vector512.Create(b[position]), b0);
                c0 = Vector512.FusedMultiplyAdd(v0, Vector512.Create(c[position]), c0);
                d0 = Vector512.FusedMultiplyAdd(v0, Vector512.Create(d[position]), d0);
            }

            a0.Store(sums.A + i);
            b0.Store(sums.B + i);
            c0.Store(sums.C + i);
            d0.Store(sums.D + i);
        }

        for (; i < headSize; i++)
        {
            // All are read before any is written: one of them may stand in for another.
            var (a0, b0, c0, d0) = (sums.A[i], sums.B[i], sums.C[i], sums.D[i]);
            for (var position = 0; position < positions; position++)
            {
                var v = value[(position * headSize) + i];
                (a0, b0, c0, d0) = (a0 + (v * a[position]), b0 + (v * b[position]), c0 + (v * c[position]), d0 + (v * d[position]));
            }

            (sums.A[i], sums.B[i], sums.C[i], sums.D[i]) = (a0, b0, c0, d0);
        }
    }

    /// <summary>Divides a row.</summary>
    public static void Divide(float* row, int length, float by)
    {
        var factor = 1 / by;
        for (var i = 0; i < length; i++)
        {
            row[i] *= factor;
        }
    }
}
