using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>How scores are made.</summary>
/// <param name="Scale">Factor of query times key.</param>
/// <param name="Cap">Soft cap; null: none.</param>
/// <param name="Window">Positions seen, the row's newest included; null: all.</param>
internal readonly record struct ScoreRule(double Scale, double? Cap, int? Window);

/// <summary>
/// Attention of one new position a row over the blocks of its row, on the CPU in float32. Torch has no kernel for rows of different length
/// that lie in pieces: padding them to the longest, or copying them together, costs more than the attention itself. Keys and values are each
/// read once; rows that share blocks follow each other, so that they find them in the processor's cache.
/// </summary>
internal static unsafe class BlockAttention
{
    private const int Size = KvCache.BlockSize; // one Vector512 of floats

    /// <param name="queries">[R, 1, H, Dh]</param>
    /// <param name="keys">Of the new position, [R, K, 1, Dh]; stored.</param>
    /// <param name="values">[R, K, 1, Dh]; stored.</param>
    /// <param name="allKeys">[blocks, K, Dh, 16]</param>
    /// <param name="allValues">[blocks, K, 16, Dh]</param>
    /// <param name="rows">R of them, with room for the new position.</param>
    /// <param name="rule">How scores are made.</param>
    /// <returns>[R, 1, H · Dh]</returns>
    public static torch.Tensor Run(
        torch.Tensor queries, torch.Tensor keys, torch.Tensor values, torch.Tensor allKeys, torch.Tensor allValues, IReadOnlyList<KvRow> rows, ScoreRule rule)
    {
        var (keyHeads, headSize, queryHeads) = ((int)keys.size(1), (int)keys.size(3), (int)queries.size(2));
        var output = torch.empty_like(queries);
        var work = new Work(
            Memory(queries), Memory(keys), Memory(values), Memory(allKeys), Memory(allValues), Memory(output),
            [.. rows.Select(row => row.Blocks.ToArray())], [.. rows.Select(row => row.Length + 1)], keyHeads, queryHeads / keyHeads, headSize, rule);
        var units = rows.Count * keyHeads;
        if (torch.get_num_threads() == 1)
        {
            work.Run(0, units);
        }
        else
        {
            var threads = new ParallelOptions { MaxDegreeOfParallelism = torch.get_num_threads() };
            Parallel.ForEach(Partitioner.Create(0, units), threads, range => work.Run(range.Item1, range.Item2));
        }

        return output.view(rows.Count, 1, (long)queryHeads * headSize);
    }

    private static float* Memory(torch.Tensor tensor)
    {
        fixed (byte* first = tensor.bytes) // torch's memory, which does not move
        {
            return (float*)first;
        }
    }

    private sealed class Work(
        float* queries, float* keys, float* values, float* allKeys, float* allValues, float* output,
        int[][] blocks, int[] lengths, int keyHeads, int group, int headSize, ScoreRule rule)
    {
        /// <summary>Units are head by head: rows that share blocks are then neighbours.</summary>
        public void Run(int from, int to)
        {
            var longest = (lengths.Max() + Size - 1) / Size * Size;
            var scratch = ArrayPool<float>.Shared.Rent(group * (longest + 1));
            fixed (float* scores = scratch)
            {
                for (var unit = from; unit < to; unit++)
                {
                    One(unit % lengths.Length, unit / lengths.Length, scores, longest);
                }
            }

            ArrayPool<float>.Shared.Return(scratch);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void One(int row, int head, float* scores, int stride)
        {
            var (length, table) = (lengths[row], blocks[row]);
            Store(row, head, table[(length - 1) / Size], (length - 1) % Size);
            var first = rule.Window is { } window ? Math.Max(0, length - window) : 0;
            var firstBlock = first / Size;
            var count = ((length - 1) / Size) - firstBlock + 1;
            var query = queries + ((((long)row * keyHeads) + head) * group * headSize);
            for (var block = 0; block < count; block++)
            {
                var place = allKeys + ((((long)table[firstBlock + block] * keyHeads) + head) * headSize * Size);
                Fetch(allKeys, table, Math.Min(firstBlock + block + 1, (length - 1) / Size), head);
                for (var g = 0; g < group; g += 2)
                {
                    Score(query + (g * headSize), place, scores + (g * stride) + (block * Size), stride, pair: g + 1 < group);
                }
            }

            var sums = scores + (group * stride);
            for (var g = 0; g < group; g++)
            {
                sums[g] = Weigh(scores + (g * stride), count * Size, first - (firstBlock * Size), length - (firstBlock * Size));
            }

            Mix(row, head, table, firstBlock, first, length, scores, stride, sums);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Store(int row, int head, int block, int offset)
        {
            var from = (((long)row * keyHeads) + head) * headSize;
            var to = (((long)block * keyHeads) + head) * headSize * Size;
            for (var d = 0; d < headSize; d++)
            {
                allKeys[to + (d * Size) + offset] = keys[from + d];
                allValues[to + ((long)offset * headSize) + d] = values[from + d];
            }
        }

        // Scores of 16 positions for one query head or two. Four sums at once: one alone would wait for itself.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Score(float* query, float* key, float* scores, int stride, bool pair)
        {
            Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default;
            var other = pair ? query + headSize : query;
            var d = 0;
            for (; d + 1 < headSize; d += 2)
            {
                var (k0, k1) = (Vector512.Load(key + (d * Size)), Vector512.Load(key + ((d + 1) * Size)));
                a0 = Vector512.FusedMultiplyAdd(k0, Vector512.Create(query[d]), a0);
                a1 = Vector512.FusedMultiplyAdd(k1, Vector512.Create(query[d + 1]), a1);
                b0 = Vector512.FusedMultiplyAdd(k0, Vector512.Create(other[d]), b0);
                b1 = Vector512.FusedMultiplyAdd(k1, Vector512.Create(other[d + 1]), b1);
            }

            (a0 + a1).Store(scores);
            if (pair)
            {
                (b0 + b1).Store(scores + stride);
            }
        }

        // Scores become weights, not yet divided by their sum, which is returned. What lies outside from..to gets weight 0.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private float Weigh(float* scores, int count, int from, int to)
        {
            var scale = Vector512.Create((float)rule.Scale);
            var most = Vector512.Create(float.NegativeInfinity);
            for (var i = 0; i < count; i += Size)
            {
                var score = Vector512.Load(scores + i) * scale;
                if (rule.Cap is { } cap)
                {
                    // c · tanh(x / c) = c · (1 − 2 / (exp(2x / c) + 1))
                    var power = Vector512.Exp(score * Vector512.Create((float)(2 / cap)));
                    score = Vector512.Create((float)cap) * (Vector512<float>.One - (Vector512.Create(2f) / (power + Vector512<float>.One)));
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
                var weight = Vector512.Exp(Vector512.Load(scores + i) - Vector512.Create(largest));
                weight.Store(scores + i);
                sum += weight;
            }

            return Vector512.Sum(sum);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Mix(int row, int head, int[] table, int firstBlock, int first, int length, float* weights, int stride, float* sums)
        {
            var target = output + ((((long)row * keyHeads) + head) * group * headSize);
            for (var g = 0; g < group; g += 2)
            {
                var mixed = target + (g * headSize);
                var own = weights + (g * stride) - (firstBlock * Size);
                var pair = g + 1 < group;
                var d = 0;
                for (; d + (4 * Size) <= headSize; d += 4 * Size)
                {
                    Mix4(head, table, first, length, own, pair ? own + stride : own, sums + g, mixed + d, d, pair);
                }

                for (; d + Size <= headSize; d += Size)
                {
                    Mix1(head, table, first, length, own, pair ? own + stride : own, sums + g, mixed + d, d, pair);
                }

                for (; d < headSize; d++)
                {
                    mixed[d] = MixOne(head, table, first, length, own, d) / sums[g];
                    if (pair)
                    {
                        mixed[headSize + d] = MixOne(head, table, first, length, own + stride, d) / sums[g + 1];
                    }
                }
            }
        }

        private float MixOne(int head, int[] table, int first, int length, float* weights, int d)
        {
            var sum = 0f;
            for (var position = first; position < length; position++)
            {
                sum += weights[position] * Value(table, head, position)[d];
            }

            return sum;
        }

        // 16 dimensions for one query head or two; even and odd positions apart, so that a sum does not wait for itself.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Mix1(int head, int[] table, int first, int length, float* weights, float* others, float* sums, float* mixed, int d, bool pair)
        {
            Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default;
            for (var position = first; position < length;)
            {
                var value = Value(table, head, position) + d;
                var end = Math.Min(length, (position / Size * Size) + Size);
                for (; position + 1 < end; position += 2, value += 2 * headSize)
                {
                    var (v0, v1) = (Vector512.Load(value), Vector512.Load(value + headSize));
                    a0 = Vector512.FusedMultiplyAdd(v0, Vector512.Create(weights[position]), a0);
                    a1 = Vector512.FusedMultiplyAdd(v1, Vector512.Create(weights[position + 1]), a1);
                    b0 = Vector512.FusedMultiplyAdd(v0, Vector512.Create(others[position]), b0);
                    b1 = Vector512.FusedMultiplyAdd(v1, Vector512.Create(others[position + 1]), b1);
                }

                for (; position < end; position++, value += headSize)
                {
                    a0 = Vector512.FusedMultiplyAdd(Vector512.Load(value), Vector512.Create(weights[position]), a0);
                    b0 = Vector512.FusedMultiplyAdd(Vector512.Load(value), Vector512.Create(others[position]), b0);
                }
            }

            ((a0 + a1) * Vector512.Create(1 / sums[0])).Store(mixed);
            if (pair)
            {
                ((b0 + b1) * Vector512.Create(1 / sums[1])).Store(mixed + headSize);
            }
        }

        // 64 dimensions for one query head or two.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Mix4(int head, int[] table, int first, int length, float* weights, float* others, float* sums, float* mixed, int d, bool pair)
        {
            Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            for (var position = first; position < length;)
            {
                Fetch(allValues, table, Math.Min((position / Size) + 1, (length - 1) / Size), head);
                var value = Value(table, head, position) + d;
                var end = Math.Min(length, (position / Size * Size) + Size);
                for (; position < end; position++, value += headSize)
                {
                    var v0 = Vector512.Load(value);
                    var v1 = Vector512.Load(value + Size);
                    var v2 = Vector512.Load(value + (2 * Size));
                    var v3 = Vector512.Load(value + (3 * Size));
                    var weight = Vector512.Create(weights[position]);
                    a0 = Vector512.FusedMultiplyAdd(v0, weight, a0);
                    a1 = Vector512.FusedMultiplyAdd(v1, weight, a1);
                    a2 = Vector512.FusedMultiplyAdd(v2, weight, a2);
                    a3 = Vector512.FusedMultiplyAdd(v3, weight, a3);
                    weight = Vector512.Create(others[position]);
                    b0 = Vector512.FusedMultiplyAdd(v0, weight, b0);
                    b1 = Vector512.FusedMultiplyAdd(v1, weight, b1);
                    b2 = Vector512.FusedMultiplyAdd(v2, weight, b2);
                    b3 = Vector512.FusedMultiplyAdd(v3, weight, b3);
                }
            }

            Put(a0, a1, a2, a3, sums[0], mixed);
            if (pair)
            {
                Put(b0, b1, b2, b3, sums[1], mixed + headSize);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Put(Vector512<float> v0, Vector512<float> v1, Vector512<float> v2, Vector512<float> v3, float sum, float* target)
        {
            var factor = Vector512.Create(1 / sum);
            (v0 * factor).Store(target);
            (v1 * factor).Store(target + Size);
            (v2 * factor).Store(target + (2 * Size));
            (v3 * factor).Store(target + (3 * Size));
        }

        // Blocks lie apart, so the processor does not guess which one comes next.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Fetch(float* all, int[] table, int block, int head)
        {
            var place = all + ((((long)table[block] * keyHeads) + head) * headSize * Size);
            for (var i = 0; i < headSize && Sse.IsSupported; i++)
            {
                Sse.Prefetch0(place + (i * Size));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private float* Value(int[] table, int head, int position) =>
            allValues + ((((((long)table[position / Size] * keyHeads) + head) * Size) + (position % Size)) * headSize);
    }
}
