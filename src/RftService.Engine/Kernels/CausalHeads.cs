using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using TorchSharp;
using static RftService.Engine.Kernels.SmallProduct;

namespace RftService.Engine.Kernels;

/// <summary>
/// The key heads of all rows of a batch, B · K of them, each with the query heads that look at it; where they are fewer than the threads, those query
/// heads in some parts.
/// </summary>
/// <param name="queries">[B, S, H, Dh], contiguous as all are.</param>
/// <param name="keys">[B, S, K, Dh]</param>
/// <param name="values">[B, S, K, Dh]</param>
/// <param name="mixed">[B, S, H, Dh]; written forward.</param>
/// <param name="logSums">log Σ e^score, [B, S, H]; written forward.</param>
internal sealed unsafe class CausalHeads(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, torch.Tensor mixed, torch.Tensor logSums)
{
    private const int Block = 48;  // queries at once: a multiple of the rows of a tile, and of its columns
    private const int Lanes = 16;
    private const int Panel = 64;  // keys that lie together when turned

    private readonly int _length = (int)queries.size(1);
    private readonly int _size = (int)queries.size(3);
    private readonly int _queryHeads = (int)queries.size(2);
    private readonly int _keyHeads = (int)keys.size(2);
    private readonly int _group = (int)(queries.size(2) / keys.size(2));
    private readonly float _scale = (float)(1 / Math.Sqrt(queries.size(3)));

    /// <summary>Of the query heads of a key head.</summary>
    public long Parts { get; } = Math.Clamp(HostRows.Ranges / (queries.size(0) * keys.size(2)), 1, queries.size(2) / keys.size(2));

    /// <summary>Parts of all heads.</summary>
    public long Count => queries.size(0) * _keyHeads * Parts;

    // Rows of keys with the room that tiles at the end take.
    private int Padded => (_length + Panel - 1) / Panel * Panel;

    // From the scores of a query to the next; no power of 2, whose columns would fight for the same places of a cache.
    private int Stride => Padded + Panel + Columns;

    /// <summary>Floats that work on one head takes.</summary>
    public long Room(bool backward) => backward
        ? (5L * (Padded + Rows) * _size) + (2L * Block * Stride) + (3L * Block * _size)
        : (2L * (Padded + Rows) * _size) + ((long)Block * Stride) + (2L * Block * _size);

    /// <summary>One part; the sums are written.</summary>
    public void Forward(long part, torch.Tensor room) => Forward(part / Parts, Members(part), new Carver(HostRows.First(room)));

    /// <summary>One part; the gradients are written.</summary>
    /// <param name="part">Counts (B, K, parts).</param>
    /// <param name="room">As many floats as <see cref="Room"/> says.</param>
    /// <param name="toMixed">∂L/∂mixed, [B, S, H, Dh].</param>
    /// <param name="toQueries">[B, S, H, Dh]</param>
    /// <param name="toKeys">What comes of each part, [parts, B, S, K, Dh].</param>
    /// <param name="toValues">[parts, B, S, K, Dh]</param>
    public void Backward(long part, torch.Tensor room, torch.Tensor toMixed, torch.Tensor toQueries, torch.Tensor toKeys, torch.Tensor toValues)
    {
        var offset = part % Parts * keys.numel();
        Backward(
            part / Parts, Members(part), new Carver(HostRows.First(room)), HostRows.First(toMixed), HostRows.First(toQueries),
            HostRows.First(toKeys) + offset, HostRows.First(toValues) + offset);
    }

    private (int From, int To) Members(long part) => ((int)(_group * (part % Parts) / Parts), (int)(_group * ((part % Parts) + 1) / Parts));

    private void Forward(long head, (int From, int To) members, Carver room)
    {
        float* turnedKeys = room.Take((Padded + Rows) * _size), itsValues = room.Take((Padded + Rows) * _size);
        float* scores = room.Take(Block * Stride), query = room.Take(Block * _size), sums = room.Take(Block * _size);
        Turn(KeyRow(HostRows.First(keys), head, 0), turnedKeys);
        Collect(HostRows.First(values), head, itsValues);
        float* allQueries = HostRows.First(queries), allMixed = HostRows.First(mixed), logs = HostRows.First(logSums);
        Span<float> totals = stackalloc float[Block];
        for (var start = 0; start < _length; start += Block)
        {
            var count = Math.Min(Block, _length - start);
            var seen = start + count;
            for (var member = members.From; member < members.To; member++)
            {
                Gather(allQueries, head, member, start, count, _scale, query);
                Scores(query, turnedKeys, count, seen, scores);
                for (var i = 0; i < count; i++)
                {
                    var row = scores + (i * Stride);
                    var most = TensorPrimitives.Max<float>(new ReadOnlySpan<float>(row, start + i + 1));
                    totals[i] = Powers(row, start + i + 1, seen, most);
                    logs[Place(head, member, start + i)] = most + MathF.Log(totals[i]);
                }

                Run(new Dense(scores, Stride).Plain, new(itsValues, _size), new(sums, _size), Tiled(count), _size, seen, add: false);
                for (var i = 0; i < count; i++)
                {
                    TensorPrimitives.Multiply(Row(sums + (i * _size)), 1 / totals[i], Row(allMixed + (Place(head, member, start + i) * _size)));
                }
            }
        }
    }

    private void Backward(
        long head, (int From, int To) members, Carver room, float* toMixed, float* toQueries, float* toKeys, float* toValues)
    {
        var all = (Padded + Rows) * _size;
        float* turnedKeys = room.Take(all), turnedValues = room.Take(all), itsKeys = room.Take(all), toItsKeys = room.Take(all), toItsValues = room.Take(all);
        float* weights = room.Take(Block * Stride), toScores = room.Take(Block * Stride);
        float* query = room.Take(Block * _size), toOutput = room.Take(Block * _size), toQuery = room.Take(Block * _size);
        Turn(KeyRow(HostRows.First(keys), head, 0), turnedKeys);
        Turn(KeyRow(HostRows.First(values), head, 0), turnedValues);
        Collect(HostRows.First(keys), head, itsKeys);
        new Span<float>(toItsKeys, all).Clear();
        new Span<float>(toItsValues, all).Clear();

        float* allQueries = HostRows.First(queries), allMixed = HostRows.First(mixed), logs = HostRows.First(logSums);
        for (var start = 0; start < _length; start += Block)
        {
            var count = Math.Min(Block, _length - start);
            var seen = start + count;
            for (var member = members.From; member < members.To; member++)
            {
                Gather(allQueries, head, member, start, count, _scale, query);
                Gather(toMixed, head, member, start, count, 1, toOutput);
                Scores(query, turnedKeys, count, seen, weights);
                Scores(toOutput, turnedValues, count, seen, toScores);
                for (var i = 0; i < count; i++)
                {
                    var place = Place(head, member, start + i);
                    var share = TensorPrimitives.Dot<float>(Row(toOutput + (i * _size)), Row(allMixed + (place * _size)));
                    ToScores(weights + (i * Stride), toScores + (i * Stride), start + i + 1, seen, logs[place], share);
                }

                Run(new Dense(weights, Stride).Turned, new(toOutput, _size), new(toItsValues, _size), Tiled(seen), _size, count, add: true);
                Run(new Dense(toScores, Stride).Turned, new(query, _size), new(toItsKeys, _size), Tiled(seen), _size, count, add: true);
                Run(new Dense(toScores, Stride).Plain, new(itsKeys, _size), new(toQuery, _size), Tiled(count), _size, seen, add: false);
                for (var i = 0; i < count; i++)
                {
                    TensorPrimitives.Multiply(Row(toQuery + (i * _size)), _scale, Row(toQueries + (Place(head, member, start + i) * _size)));
                }
            }
        }

        for (var position = 0; position < _length; position++)
        {
            Row(toItsKeys + (position * _size)).CopyTo(Row(KeyRow(toKeys, head, position)));
            Row(toItsValues + (position * _size)).CopyTo(Row(KeyRow(toValues, head, position)));
        }
    }

    // Scores become e^(score − most), and those behind the first `count` 0. -> their sum
    private static float Powers(float* scores, int count, int all, float most)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < all; i += Lanes)
        {
            var power = Exponential.Of(Vector512.Load(scores + i) - Vector512.Create(most));
            power = i + Lanes <= count ? power : First(power, count - i);
            power.Store(scores + i);
            sum += power;
        }

        return Vector512.Sum(sum);
    }

    // Scores become weights p again, and ∂L/∂p becomes ∂L/∂score = p · (∂L/∂p − Σ p · ∂L/∂p), where the sum is that of ∂L/∂o · o.
    private static void ToScores(float* scores, float* toWeights, int count, int all, float logSum, float share)
    {
        for (var i = 0; i < all; i += Lanes)
        {
            var weight = Exponential.Of(Vector512.Load(scores + i) - Vector512.Create(logSum));
            var toScore = weight * (Vector512.Load(toWeights + i) - Vector512.Create(share));
            (weight, toScore) = i + Lanes <= count ? (weight, toScore) : (First(weight, count - i), First(toScore, count - i));
            weight.Store(scores + i);
            toScore.Store(toWeights + i);
        }
    }

    private static Vector512<float> First(Vector512<float> numbers, int count) =>
        Vector512.ConditionalSelect(Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle(), numbers, Vector512<float>.Zero);

    // Products of a block of rows with the first `seen` turned ones. At the edges come numbers that nothing reads.
    private void Scores(float* rows, float* turned, int count, int seen, float* scores)
    {
        for (var panel = 0; panel < seen; panel += Panel)
        {
            var columns = (Math.Min(Panel, seen - panel) + Columns - 1) / Columns * Columns;
            Run(new Dense(rows, _size).Plain, new(turned + (panel * _size), Panel), new(scores + panel, Stride), Tiled(count), columns, _size, add: false);
        }
    }

    // Rows of keys -> panels of 64 of them, [Dh, 64] each, with zeros behind the last.
    private void Turn(float* rows, float* panels)
    {
        new Span<float>(panels, Padded * _size).Clear();
        for (var position = 0; position < _length; position++)
        {
            var from = rows + ((long)position * _keyHeads * _size);
            var to = panels + ((position / Panel * Panel * _size) + (position % Panel));
            for (var d = 0; d < _size; d++)
            {
                to[d * Panel] = from[d];
            }
        }
    }

    // Rows of one head -> [S, Dh]
    private void Collect(float* all, long head, float* rows)
    {
        for (var position = 0; position < _length; position++)
        {
            Row(KeyRow(all, head, position)).CopyTo(Row(rows + (position * _size)));
        }
    }

    // A block of queries of one query head, times a factor.
    private void Gather(float* all, long head, int member, int start, int count, float factor, float* block)
    {
        for (var i = 0; i < count; i++)
        {
            TensorPrimitives.Multiply(Row(all + (Place(head, member, start + i) * _size)), factor, Row(block + (i * _size)));
        }
    }

    private static int Tiled(int rows) => (rows + Rows - 1) / Rows * Rows;

    private Span<float> Row(float* first) => new(first, _size);

    private float* KeyRow(float* all, long head, int position) =>
        all + (((((head / _keyHeads * _length) + position) * _keyHeads) + (head % _keyHeads)) * _size);

    // Index in [B, S, H].
    private long Place(long head, int member, int position) =>
        (((head / _keyHeads * _length) + position) * _queryHeads) + (head % _keyHeads * _group) + member;

    // Hands out one piece of memory after the other.
    private ref struct Carver(float* first)
    {
        private float* _next = first;

        public float* Take(int count)
        {
            var piece = _next;
            _next += count;
            return piece;
        }
    }
}
