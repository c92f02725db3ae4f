using System.Buffers;
using System.Collections.Concurrent;
using RftService.Engine.Kernels;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>How scores are made.</summary>
/// <param name="Scale">Factor of query times key.</param>
/// <param name="Cap">Soft cap; null: none.</param>
/// <param name="Window">Positions seen, the row's newest included; null: all.</param>
internal readonly record struct ScoreRule(double Scale, double? Cap, int? Window);

/// <summary>
/// Attention of one new position a row over the blocks of its row, on the CPU in float32. Torch has no kernel for rows of different length
/// that lie in pieces: padding them to the longest, or copying them together, costs more than the attention itself. What rows share, as a group
/// does its prompt, is read once for all of them (as in Juravsky et al. 2024, arXiv:2402.05099). A row gets the same to the last bit, whatever
/// rows stand around it and share with it.
/// </summary>
internal static unsafe class BlockAttention
{
    private const int Size = KvCache.BlockSize;
    private const int MostQueries = 64;   // at once: each takes room for the scores of a whole row
    private const int ManyQueries = 24;   // from here on, to copy blocks into the nearest cache costs less than it saves
    private const int Together = 4;       // blocks that are copied at once

    /// <param name="queries">[R, 1, H, Dh]</param>
    /// <param name="keys">Of the new position, [R, K, 1, Dh]; stored.</param>
    /// <param name="values">[R, K, 1, Dh]; stored.</param>
    /// <param name="allKeys">[blocks, K, Dh, 16]</param>
    /// <param name="allValues">[blocks, K, 16, Dh]</param>
    /// <param name="rows">R of them, with room for the new position. Those that share blocks should follow each other.</param>
    /// <param name="rule">How scores are made.</param>
    /// <returns>[R, 1, H · Dh]</returns>
    /// <exception cref="InvalidOperationException">The heads are not float32 in the host's memory.</exception>
    public static torch.Tensor Run(
        torch.Tensor queries, torch.Tensor keys, torch.Tensor values, torch.Tensor allKeys, torch.Tensor allValues, IReadOnlyList<KvRow> rows, ScoreRule rule)
    {
        if (!HostRows.Hold(queries) || !HostRows.Hold(keys) || !HostRows.Hold(values))
        {
            throw new InvalidOperationException($"Heads are {queries.dtype} on {queries.device}, expected float32 on the CPU: the cache holds nothing else.");
        }

        var (keyHeads, headSize, queryHeads) = ((int)keys.size(1), (int)keys.size(3), (int)queries.size(2));
        var output = torch.zeros_like(queries);
        var work = new Work(
            HostRows.First(queries), HostRows.First(keys), HostRows.First(values), HostRows.First(allKeys), HostRows.First(allValues), HostRows.First(output),
            [.. rows.Select(row => row.Blocks.ToArray())], [.. rows.Select(row => row.Length + 1)], keyHeads, queryHeads / keyHeads, headSize, rule);
        var units = work.Units;
        if (torch.get_num_threads() == 1)
        {
            work.Do(0, units);
        }
        else
        {
            var threads = new ParallelOptions { MaxDegreeOfParallelism = torch.get_num_threads() };
            Parallel.ForEach(Partitioner.Create(0, units), threads, range => work.Do(range.Item1, range.Item2));
        }

        return output.view(rows.Count, 1, (long)queryHeads * headSize);
    }

    // Rows that follow each other and begin with the same blocks.
    private readonly record struct Family(int First, int Count, int SharedBlocks);

    // To a first row come those after it that share as many blocks with it as the second does: none that they write to. Where a window has left
    // the beginning behind, a row stands alone.
    private static IEnumerable<Family> Families(int[][] blocks, int[] lengths, int group, ScoreRule rule)
    {
        bool SeesAll(int row) => rule.Window is not { } window || lengths[row] <= window;
        for (var (first, count) = (0, 1); first < lengths.Length; first += count)
        {
            var shared = 0;
            for (count = 1; SeesAll(first) && first + count < lengths.Length && (count + 1) * group <= MostQueries && SeesAll(first + count); count++)
            {
                var common = blocks[first].AsSpan().CommonPrefixLength(blocks[first + count]);
                if (common == 0 || common < shared)
                {
                    break;
                }

                shared = count == 1 ? common : shared;
            }

            yield return new Family(first, count, shared);
        }
    }

    private sealed class Work(
        float* queries, float* keys, float* values, float* allKeys, float* allValues, float* output,
        int[][] blocks, int[] lengths, int keyHeads, int group, int headSize, ScoreRule rule)
    {
        // Of the queries of a head, counted on over the rows, from the first of them.
        private readonly long[] _offsets =
            [.. Enumerable.Range(0, Math.Max(group, MostQueries)).Select(query => (((long)(query / group) * keyHeads * group) + (query % group)) * headSize)];

        private readonly Family[] _families = [.. Families(blocks, lengths, group, rule)];

        public int Units => _families.Length * keyHeads;

        public void Do(int from, int to)
        {
            var stride = (lengths.Max() + Size - 1) / Size * Size;
            var most = Tiled(group * _families.Max(family => family.Count));
            var scratch = ArrayPool<float>.Shared.Rent((most * (stride + 1)) + (most * headSize) + (Together * Size * headSize));
            fixed (float* scores = scratch)
            {
                var sums = scores + (most * stride);
                for (var unit = from; unit < to; unit++)
                {
                    One(_families[unit % _families.Length], unit / _families.Length, new(scores, stride), sums, new(sums + most, sums + most + (most * headSize)));
                }
            }

            ArrayPool<float>.Shared.Return(scratch);
        }

        private void One(Family family, int head, Rows scores, float* sums, Shared shared)
        {
            for (var i = 0; i < family.Count; i++)
            {
                Store(family.First + i, head);
            }

            var start = SeenFrom(family.First) / Size; // 0 unless it stands alone
            var count = family.Count * group;
            var many = family.SharedBlocks > 0 && count >= ManyQueries && SmallProduct.IsSupported && headSize % SmallProduct.Columns == 0;
            if (many)
            {
                ScoreMany(family, head, count, scores, shared);
            }
            else
            {
                Score(family.First, head, count, start, family.SharedBlocks, start, scores);
            }

            for (var i = 0; i < family.Count; i++)
            {
                var (row, own) = (family.First + i, scores.From(i * group));
                var end = ((lengths[row] - 1) / Size) + 1;
                Score(row, head, group, Math.Max(start, family.SharedBlocks), end, start, own);
                for (var g = 0; g < group; g++)
                {
                    sums[(i * group) + g] = AttentionKernel.Weigh(
                        own.Row(g), (end - start) * Size, SeenFrom(row) - (start * Size), lengths[row] - (start * Size), rule.Scale, rule.Cap);
                }
            }

            if (many)
            {
                MixMany(family, head, count, scores, shared);
            }
            else
            {
                Mix(family.First, head, count, start, family.SharedBlocks, start, scores);
            }

            for (var i = 0; i < family.Count; i++)
            {
                var row = family.First + i;
                Mix(row, head, group, Math.Max(start, family.SharedBlocks), ((lengths[row] - 1) / Size) + 1, start, scores.From(i * group));
            }

            for (var query = 0; query < count; query++)
            {
                AttentionKernel.Divide(output + Place(family.First, head) + _offsets[query], headSize, sums[query]);
            }
        }

        private int SeenFrom(int row) => rule.Window is { } window ? Math.Max(0, lengths[row] - window) : 0;

        private void Store(int row, int head)
        {
            var (block, offset) = (blocks[row][(lengths[row] - 1) / Size], (lengths[row] - 1) % Size);
            var from = (((long)row * keyHeads) + head) * headSize;
            float* key = Block(allKeys, block, head), value = Block(allValues, block, head);
            for (var d = 0; d < headSize; d++)
            {
                key[(d * Size) + offset] = keys[from + d];
                value[(offset * headSize) + d] = values[from + d];
            }
        }

        // Scores of the blocks from..to of the first row's table, for its queries and those of the rows after it.
        private void Score(int row, int head, int count, int from, int to, int start, Rows scores)
        {
            var table = blocks[row];
            for (var block = from; block < to; block += 2)
            {
                var next = Math.Min(block + 1, to - 1);
                AttentionKernel.Fetch(Block(allKeys, table[Math.Min(block + 2, to - 1)], head), headSize);
                AttentionKernel.Fetch(Block(allKeys, table[Math.Min(block + 3, to - 1)], head), headSize);
                for (var query = 0; query < count; query += AttentionKernel.Together)
                {
                    AttentionKernel.Score(
                        Four(queries + Place(row, head), query, count), Block(allKeys, table[block], head), Block(allKeys, table[next], head), headSize,
                        scores.Four(query, count, (block - start) * Size), scores.Four(query, count, (next - start) * Size));
                }
            }
        }

        // Adds the values of the blocks from..to, weighted.
        private void Mix(int row, int head, int count, int from, int to, int start, Rows weights)
        {
            var table = blocks[row];
            for (var block = from; block < to; block++)
            {
                AttentionKernel.Fetch(Block(allValues, table[Math.Min(block + 1, to - 1)], head), headSize);
                var value = Block(allValues, table[block], head);
                var positions = Math.Min(Size, lengths[row] - (block * Size)); // behind them lies what is not this row's
                for (var query = 0; query < count; query += AttentionKernel.Together)
                {
                    AttentionKernel.Mix(
                        weights.Four(query, count, (block - start) * Size), value, positions, headSize, Four(output + Place(row, head), query, count));
                }
            }
        }

        // The same sums as those of Score and Mix, in the same order: for many queries, blocks are read from where they lie only once.
        private void ScoreMany(Family family, int head, int count, Rows scores, Shared shared)
        {
            for (var query = 0; query < count; query++)
            {
                Copy(queries + Place(family.First, head) + _offsets[query], shared.Rows + (query * headSize), headSize);
            }

            for (var block = 0; block < family.SharedBlocks; block += Together)
            {
                var several = Math.Min(Together, family.SharedBlocks - block);
                for (var i = 0; i < several; i++)
                {
                    var key = Block(allKeys, blocks[family.First][block + i], head);
                    for (var d = 0; d < headSize; d++)
                    {
                        Copy(key + (d * Size), shared.Blocks + (((d * several) + i) * Size), Size);
                    }
                }

                SmallProduct.Run(
                    new SmallProduct.Dense(shared.Rows, headSize).Plain, new(shared.Blocks, several * Size), new(scores.Row(0) + (block * Size), scores.Stride),
                    Tiled(count), several * Size, headSize, add: false);
            }
        }

        private void MixMany(Family family, int head, int count, Rows weights, Shared shared)
        {
            for (var block = 0; block < family.SharedBlocks; block += Together)
            {
                var several = Math.Min(Together, family.SharedBlocks - block);
                for (var i = 0; i < several; i++)
                {
                    Copy(Block(allValues, blocks[family.First][block + i], head), shared.Blocks + (i * Size * headSize), Size * headSize);
                }

                SmallProduct.Run(
                    new SmallProduct.Dense(weights.Row(0) + (block * Size), weights.Stride).Plain, new(shared.Blocks, headSize), new(shared.Rows, headSize),
                    Tiled(count), headSize, several * Size, add: block > 0);
            }

            for (var query = 0; query < count; query++)
            {
                Copy(shared.Rows + (query * headSize), output + Place(family.First, head) + _offsets[query], headSize);
            }
        }

        private static int Tiled(int rows) => (rows + SmallProduct.Rows - 1) / SmallProduct.Rows * SmallProduct.Rows;

        private static void Copy(float* from, float* to, int count) => new ReadOnlySpan<float>(from, count).CopyTo(new(to, count));

        private float* Block(float* all, int block, int head) => all + ((((long)block * keyHeads) + head) * headSize * Size);

        private long Place(int row, int head) => (((long)row * keyHeads) + head) * group * headSize;

        private FourRows Four(float* first, int query, int count)
        {
            var last = count - 1;
            return new(
                first + _offsets[query], first + _offsets[Math.Min(query + 1, last)], first + _offsets[Math.Min(query + 2, last)], first + _offsets[Math.Min(query + 3, last)]);
        }
    }

    // Room for what many queries share: they themselves or their sums, [queries, Dh], and some blocks.
    private readonly struct Shared(float* rows, float* blocks)
    {
        public readonly float* Rows = rows, Blocks = blocks;
    }

    // Scores, later weights, of one query after the other.
    private readonly struct Rows(float* first, int stride)
    {
        public int Stride => stride;

        public float* Row(int index) => first + ((long)index * stride);

        public Rows From(int index) => new(Row(index), stride);

        public FourRows Four(int index, int count, int offset) =>
            new(Row(index) + offset, Row(Math.Min(index + 1, count - 1)) + offset, Row(Math.Min(index + 2, count - 1)) + offset, Row(Math.Min(index + 3, count - 1)) + offset);
    }
}
