using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>
/// x·Wᵀ + b where x has few rows, as in decoding. A library's product first copies W into the order its kernel likes, which pays when many rows
/// use it: at 64 rows it reaches 65 % of the speed of a large product, at 8 rows 15 %. Here W is read once, as it lies: 1.1 to 1.4
/// times as fast at 64 rows of large matrices, about 2 times at 8.
/// And what a row gets depends on that row alone, to the last bit, whatever rows stand around it and however many threads there are: so for rows that
/// are sampled it is done however many they are.
/// </summary>
internal static unsafe class FewRows
{
    // A tile is 4 rows of x and 6 of W: 24 sums of 16, which with what they are made of fill the 32 registers.
    private const int TileRows = 4;
    private const int TileOutputs = 6;
    private const int Lanes = 16;

    private const int Most = 128;     // rows at once: beyond, a library's copy of W has paid for itself, and x leaves the second cache
    private const int Depth = 1024;   // columns taken at once: 6 rows of W and 4 of x then fit the 48 KB next to the processor
    private const int Reused = 4;     // with more tiles of x than these, W waits unless it is called for ahead

    /// <param name="x">[..., K]</param>
    /// <param name="weight">[N, K]</param>
    /// <param name="bias">[N]; null: none.</param>
    /// <param name="sampled">Each row must get what it gets alone. Otherwise more than 128 go to torch's own product, which is then faster.</param>
    /// <returns>[..., N]</returns>
    public static torch.Tensor Linear(torch.Tensor x, torch.Tensor weight, torch.Tensor? bias = null, bool sampled = false)
    {
        var (outputs, depth) = ((int)weight.size(0), (int)weight.size(1));
        var rows = x.numel() / depth;
        var fits = outputs >= TileOutputs && depth % Lanes == 0 && weight.is_contiguous() && HostRows.Hold(x) && HostRows.Hold(weight);
        if (!Avx512F.IsSupported || !fits || (rows > Most && !sampled))
        {
            return torch.nn.functional.linear(x, weight, bias);
        }

        x = x.contiguous();
        var y = torch.empty([.. x.shape[..^1], outputs]);
        for (long row = 0; row < rows; row += Most)
        {
            var product = new Product(
                HostRows.First(x) + (row * depth), HostRows.First(weight), HostRows.First(y) + (row * outputs), (int)Math.Min(Most, rows - row), outputs, depth);
            HostRows.Each((outputs + TileOutputs - 1) / TileOutputs, (_, from, to) => product.Tiles((int)from, (int)to));
        }

        GC.KeepAlive(x);
        return bias is null ? y : y.Plus_(bias);
    }

    private sealed class Product(float* x, float* weight, float* y, int rows, int outputs, int depth)
    {
        /// <summary>Tiles of W from..to, all rows of x.</summary>
        public void Tiles(int from, int to)
        {
            var spare = stackalloc float[TileRows * TileOutputs];
            for (var column = 0; column < depth; column += Depth)
            {
                for (var tile = from; tile < to; tile++)
                {
                    Tile(tile * TileOutputs, column, Math.Min(Depth, depth - column), spare);
                }
            }
        }

        private void Tile(int output, int column, int width, float* spare)
        {
            var first = Math.Min(output, outputs - TileOutputs); // the last tile reaches back over what the one before it has made
            var w = weight + ((long)first * depth) + column;
            var tiles = (rows + TileRows - 1) / TileRows;
            var (lines, steps) = (tiles > Reused ? ((TileOutputs * width / Lanes) + tiles - 1) / tiles : 0, width / Lanes);
            for (var tile = 0; tile < tiles; tile++)
            {
                var row = tile * TileRows;
                // Its part of the next rows of W is called for meanwhile, so that they are near when their turn comes.
                var next = w + ((long)(TileOutputs + (tile * lines / steps)) * depth) + (tile * lines % steps * Lanes);
                var pace = lines * Lanes / steps;
                if (first == output && row + TileRows <= rows)
                {
                    Sum(Row(row) + column, Row(row + 1) + column, Row(row + 2) + column, Row(row + 3) + column, w, width, y + ((long)row * outputs) + first, outputs, column > 0, next, pace);
                    continue;
                }

                // At the edges rows stand in for those that are missing, and what is of use is taken from aside.
                float* Near(int other) => Row(Math.Min(other, rows - 1)) + column;
                Sum(Near(row), Near(row + 1), Near(row + 2), Near(row + 3), w, width, spare, TileOutputs, add: false, next, pace);
                for (var i = row; i < Math.Min(row + TileRows, rows); i++)
                {
                    for (var j = output; j < first + TileOutputs; j++)
                    {
                        var sum = spare[((i - row) * TileOutputs) + j - first];
                        var place = y + ((long)i * outputs) + j;
                        *place = column > 0 ? *place + sum : sum;
                    }
                }
            }
        }

        private float* Row(int row) => x + ((long)row * depth);

        // y[i, j] = Σ x_i · w_j, i < 4, j < 6; or added to it. Behind the end of W nothing is read: to call is not to load.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Sum(float* x0, float* x1, float* x2, float* x3, float* w0, int width, float* target, int stride, bool add, float* next, int pace)
        {
            Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
            Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
            Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
            Vector512<float> d0 = default, d1 = default, d2 = default, d3 = default, d4 = default, d5 = default;
            float* w1 = w0 + depth, w2 = w1 + depth, w3 = w2 + depth, w4 = w3 + depth, w5 = w4 + depth;
            for (long i = 0; i < width; i += Lanes, next += pace)
            {
                Sse.Prefetch1(next);
                Vector512<float> p = Vector512.Load(x0 + i), q = Vector512.Load(x1 + i), r = Vector512.Load(x2 + i), s = Vector512.Load(x3 + i);
                var w = Vector512.Load(w0 + i);
                a0 = Vector512.FusedMultiplyAdd(w, p, a0);
                b0 = Vector512.FusedMultiplyAdd(w, q, b0);
                c0 = Vector512.FusedMultiplyAdd(w, r, c0);
                d0 = Vector512.FusedMultiplyAdd(w, s, d0);
                w = Vector512.Load(w1 + i);
                a1 = Vector512.FusedMultiplyAdd(w, p, a1);
                b1 = Vector512.FusedMultiplyAdd(w, q, b1);
                c1 = Vector512.FusedMultiplyAdd(w, r, c1);
                d1 = Vector512.FusedMultiplyAdd(w, s, d1);
                w = Vector512.Load(w2 + i);
                a2 = Vector512.FusedMultiplyAdd(w, p, a2);
                b2 = Vector512.FusedMultiplyAdd(w, q, b2);
                c2 = Vector512.FusedMultiplyAdd(w, r, c2);
                d2 = Vector512.FusedMultiplyAdd(w, s, d2);
                w = Vector512.Load(w3 + i);
                a3 = Vector512.FusedMultiplyAdd(w, p, a3);
                b3 = Vector512.FusedMultiplyAdd(w, q, b3);
                c3 = Vector512.FusedMultiplyAdd(w, r, c3);
                d3 = Vector512.FusedMultiplyAdd(w, s, d3);
                w = Vector512.Load(w4 + i);
                a4 = Vector512.FusedMultiplyAdd(w, p, a4);
                b4 = Vector512.FusedMultiplyAdd(w, q, b4);
                c4 = Vector512.FusedMultiplyAdd(w, r, c4);
                d4 = Vector512.FusedMultiplyAdd(w, s, d4);
                w = Vector512.Load(w5 + i);
                a5 = Vector512.FusedMultiplyAdd(w, p, a5);
                b5 = Vector512.FusedMultiplyAdd(w, q, b5);
                c5 = Vector512.FusedMultiplyAdd(w, r, c5);
                d5 = Vector512.FusedMultiplyAdd(w, s, d5);
            }

            float* y0 = target, y1 = y0 + stride, y2 = y1 + stride, y3 = y2 + stride;
            Put(y0, Four(a0, a1, a2, a3), add);
            Put(y1, Four(b0, b1, b2, b3), add);
            Put(y2, Four(c0, c1, c2, c3), add);
            Put(y3, Four(d0, d1, d2, d3), add);
            Put(y0 + 4, y1 + 4, Four(a4, a5, b4, b5), add);
            Put(y2 + 4, y3 + 4, Four(c4, c5, d4, d5), add);
        }

        // The sums of four vectors in one, each made in the same order: taken one by one they cost as much as the products.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<float> Four(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
        {
            var ab = Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b);
            var cd = Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d);
            var all = (Avx512F.UnpackLow(ab.AsDouble(), cd.AsDouble()).AsSingle()) + (Avx512F.UnpackHigh(ab.AsDouble(), cd.AsDouble()).AsSingle());
            var half = all.GetLower() + all.GetUpper();
            return half.GetLower() + half.GetUpper();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Put(float* place, Vector128<float> sums, bool add) => (add ? sums + Vector128.Load(place) : sums).Store(place);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Put(float* place, float* other, Vector128<float> sums, bool add)
        {
            var (low, high) = (sums.GetLower(), sums.GetUpper());
            (add ? low + Vector64.Load(place) : low).Store(place);
            (add ? high + Vector64.Load(other) : high).Store(other);
        }
    }
}
