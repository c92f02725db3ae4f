using RftService.Engine.Models;
using RftService.Engine.Models.Blocks;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>Keys and values of past positions, preallocated and written in place.</summary>
public sealed class KvCache : IDisposable
{
    private readonly ModelConfig _config;
    private readonly torch.Device _device;
    private torch.Tensor[] _keys;    // each [B, K, capacity, Dh]
    private torch.Tensor[] _values;  // each [B, K, capacity, Dh]
    private torch.Tensor? _real;     // [B, 1, 1, capacity], true from each row's start on

    /// <summary>Makes an empty cache.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="rows">B.</param>
    /// <param name="capacity">Positions that fit.</param>
    /// <param name="device">Where the model lies.</param>
    /// <param name="starts">Padding positions before each row's first token, [B]; null: none.</param>
    public KvCache(ModelConfig config, int rows, int capacity, string device, IReadOnlyList<int>? starts = null)
        : this(config, rows, capacity, torch.device(device))
    {
        if (starts is not null && starts.Any(start => start > 0))
        {
            using var scope = torch.NewDisposeScope();
            SetStart(torch.tensor(starts.Select(start => (long)start).ToArray(), device: _device));
        }
    }

    private KvCache(ModelConfig config, int rows, int capacity, torch.Device device)
    {
        (_config, _device, Rows, Capacity) = (config, device, rows, capacity);
        torch.Tensor New() => torch.empty([rows, config.KeyHeads, capacity, config.HeadSize], torch.float32, device).DetachFromDisposeScope();
        _keys = [.. Enumerable.Range(0, config.Layers).Select(_ => New())];
        _values = [.. Enumerable.Range(0, config.Layers).Select(_ => New())];
    }

    /// <summary>B.</summary>
    public int Rows { get; private set; }

    /// <summary>Positions that fit.</summary>
    public int Capacity { get; }

    /// <summary>Positions written, padding included.</summary>
    public int Length { get; private set; }

    internal torch.Tensor? Start { get; private set; } // [B]

    /// <summary>Bytes that one position of one row takes.</summary>
    public static long BytesPerPosition(ModelConfig config) => 2L * config.Layers * config.KeyHeads * config.HeadSize * sizeof(float);

    /// <summary>Repeats every row, neighbours together, in a larger cache: one prompt becomes a group.</summary>
    public KvCache Expand(int times, int capacity)
    {
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var expanded = new KvCache(_config, Rows * times, capacity, _device) { Length = Length };
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            Spread(_keys[layer], expanded._keys[layer]);
            Spread(_values[layer], expanded._values[layer]);
        }

        if (Start is not null)
        {
            expanded.SetStart(Start.repeat_interleave(times));
        }

        return expanded;

        void Spread(torch.Tensor from, torch.Tensor to) =>
            to.view(Rows, times, _config.KeyHeads, capacity, _config.HeadSize).narrow(3, 0, Length)
                .copy_(from.narrow(2, 0, Length).unsqueeze(1));
    }

    /// <summary>Keeps some rows, in the given order; the others are forgotten.</summary>
    public void Keep(IReadOnlyList<int> rows)
    {
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var index = torch.tensor(rows.Select(row => (long)row).ToArray(), device: _device);
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            // One at a time: both copies of one layer are alive at once, never of all.
            Shrink(ref _keys[layer]);
            Shrink(ref _values[layer]);
        }

        Rows = rows.Count;
        if (Start is { } start)
        {
            SetStart(start.index_select(0, index));
        }

        void Shrink(ref torch.Tensor tensor)
        {
            // Only what is written moves; the rest of the new memory stays untouched.
            var kept = torch.empty([rows.Count, _config.KeyHeads, Capacity, _config.HeadSize], torch.float32, _device);
            using (var written = tensor.narrow(2, 0, Length))
            using (var moved = written.index_select(0, index))
            using (var place = kept.narrow(2, 0, Length))
            {
                place.copy_(moved);
            }

            tensor.Dispose();
            tensor = kept.DetachFromDisposeScope();
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values))
        {
            tensor.Dispose();
        }

        (_keys, _values) = ([], []);
        Start?.Dispose();
        _real?.Dispose();
    }

    /// <summary>Writes new keys and values of a layer, [B, K, S, Dh] each, behind the others and returns all.</summary>
    internal (torch.Tensor Keys, torch.Tensor Values) Append(int layer, torch.Tensor keys, torch.Tensor values)
    {
        var count = keys.size(2);
        if (Length + count > Capacity)
        {
            throw new InvalidOperationException($"The cache holds {Capacity} positions; {Length} + {count} do not fit.");
        }

        _keys[layer].narrow(2, Length, count).copy_(keys);
        _values[layer].narrow(2, Length, count).copy_(values);
        return (_keys[layer].narrow(2, 0, Length + count), _values[layer].narrow(2, 0, Length + count));
    }

    /// <summary>The layers have all appended.</summary>
    internal void Advance(long count) => Length += (int)count;

    /// <summary>What the next positions may see.</summary>
    /// <param name="places">Their indices in the cache, [1, S].</param>
    /// <param name="window">A query sees that many positions, its own included; null: all before it.</param>
    internal Sight Sight(torch.Tensor places, int? window)
    {
        var count = places.size(1);
        var total = Length + count;
        if (count > 1 && Length == 0 && _real is null && (window is null || total <= window))
        {
            return new Sight(null, Causal: true);
        }

        // What the first of them no longer sees, none does.
        var first = window is { } size ? Math.Max(0, Length + 1 - size) : 0;
        var real = _real?.narrow(3, first, total - first);
        if (count == 1)
        {
            return new Sight(real, Causal: false, first);
        }

        var keys = Constant.Range(first, total - first, _device);
        var queries = places.squeeze(0).unsqueeze(1);                                        // [S, 1]
        var seen = Models.Blocks.Sight.Seen(queries, keys, window);                          // [S, keys]
        return new Sight(
            real is null ? seen : Models.Blocks.Sight.OrSelf(seen.logical_and(real), queries, keys),
            Causal: false,
            first);
    }

    private void SetStart(torch.Tensor start)
    {
        Start?.Dispose();
        _real?.Dispose();
        Start = start.DetachFromDisposeScope();
        _real = Constant.Range(0, Capacity, _device).ge(start.view(-1, 1, 1, 1)).DetachFromDisposeScope();
    }
}
