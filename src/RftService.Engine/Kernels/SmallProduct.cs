using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RftService.Engine.Kernels;

/// <summary>
/// C = A·B where B stays in the nearest cache. A tile is 6 rows and as many columns as the registers hold sums for: 64 with AVX-512, whose 24 products
/// for 10 loads run at the speed of a library's large product; 16 with AVX2. Every sum runs from the first to the last of the common dimension.
/// </summary>
internal static unsafe class SmallProduct
{
    /// <summary>Rows of A and C must be a multiple of it.</summary>
    public const int Rows = 6;

    /// <summary>Columns of B and C must be a multiple of it.</summary>
    public const int Columns = 16;

    /// <summary>Whether this processor does it well.</summary>
    public static bool IsSupported => Vector256.IsHardwareAccelerated;

    /// <param name="a">A, [rows, depth].</param>
    /// <param name="b">B, [depth, columns].</param>
    /// <param name="c">C, [rows, columns].</param>
    /// <param name="rows">A multiple of 6.</param>
    /// <param name="columns">A multiple of 16.</param>
    /// <param name="depth">The common dimension.</param>
    /// <param name="add">C + A·B instead.</param>
    public static void Run(Factor a, Dense b, Dense c, int rows, int columns, int depth, bool add)
    {
        var column = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; column + 64 <= columns; column += 64)
            {
                Tiles<Columns64>(a, b.At(column), c.At(column), rows, depth, add);
            }

            for (; column + 32 <= columns; column += 32)
            {
                Tiles<Columns32>(a, b.At(column), c.At(column), rows, depth, add);
            }

            for (; column < columns; column += 16)
            {
                Tiles<Columns16>(a, b.At(column), c.At(column), rows, depth, add);
            }
        }

        for (; column < columns; column += 16)
        {
            Tiles<Columns16By8>(a, b.At(column), c.At(column), rows, depth, add);
        }
    }

    private static void Tiles<T>(Factor a, Dense b, Dense c, int rows, int depth, bool add)
        where T : struct, IColumns<T>
    {
        for (long row = 0; row < rows; row += Rows)
        {
            Tile<T>(a.First + (row * a.Row), a.Row, a.Step, b.First, b.Row, c.First + (row * c.Row), c.Row, depth, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile<T>(float* a0, long aRow, long step, float* b, long bRow, float* c, long cRow, int depth, bool add)
        where T : struct, IColumns<T>
    {
        T s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default;
        if (add)
        {
            (s0, s1, s2) = (T.Load(c), T.Load(c + cRow), T.Load(c + (2 * cRow)));
            (s3, s4, s5) = (T.Load(c + (3 * cRow)), T.Load(c + (4 * cRow)), T.Load(c + (5 * cRow)));
        }

        float* a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow;
        for (long k = 0, end = depth * step; k < end; k += step, b += bRow)
        {
            var x = T.Load(b);
            s0 = s0.Plus(x, a0[k]);
            s1 = s1.Plus(x, a1[k]);
            s2 = s2.Plus(x, a2[k]);
            s3 = s3.Plus(x, a3[k]);
            s4 = s4.Plus(x, a4[k]);
            s5 = s5.Plus(x, a5[k]);
        }

        s0.Store(c);
        s1.Store(c + cRow);
        s2.Store(c + (2 * cRow));
        s3.Store(c + (3 * cRow));
        s4.Store(c + (4 * cRow));
        s5.Store(c + (5 * cRow));
    }

    /// <summary>A matrix that is read number by number, so it may lie either way.</summary>
    /// <param name="first">Its first number.</param>
    /// <param name="row">From a row to the next.</param>
    /// <param name="step">From a column to the next.</param>
    internal readonly struct Factor(float* first, long row, long step)
    {
        public readonly float* First = first;
        public readonly long Row = row, Step = step;
    }

    /// <summary>A matrix whose rows are dense.</summary>
    /// <param name="first">Its first number.</param>
    /// <param name="row">From a row to the next.</param>
    internal readonly struct Dense(float* first, long row)
    {
        public readonly float* First = first;
        public readonly long Row = row;

        public Dense At(int column) => new(First + column, Row);

        /// <summary>As a factor.</summary>
        public Factor Plain => new(First, Row, 1);

        /// <summary>Its transpose.</summary>
        public Factor Turned => new(First, 1, Row);
    }
}
