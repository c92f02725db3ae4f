using RftService.Engine.Models.Blocks;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>New positions of some rows on their way through the layers: where their keys and values go, and what they may see.</summary>
internal sealed class KvPass
{
    private readonly KvCache _cache;
    private readonly IReadOnlyList<KvRow> _rows;
    private readonly IReadOnlyList<int>? _counts;
    private readonly int _length;
    private readonly bool _fresh;
    private readonly bool _byKernel;
    private torch.Tensor? _sources;  // [N], in R · S; null: all
    private torch.Tensor? _blocks;   // [N]
    private torch.Tensor? _offsets;  // [N]
    private torch.Tensor? _table;    // [R · blocks]

    /// <param name="cache">Holds what is before.</param>
    /// <param name="rows">R of them.</param>
    /// <param name="length">S.</param>
    /// <param name="counts">New positions of each row, the rest is padding on the right; null: all have S.</param>
    public KvPass(KvCache cache, IReadOnlyList<KvRow> rows, int length, IReadOnlyList<int>? counts)
    {
        (_cache, _rows, _length, _counts) = (cache, rows, length, counts);
        _fresh = length > 1 && rows.All(row => row.Length == 0);
        _byKernel = length == 1 && cache.Device.type == DeviceType.CPU;
        var positions = new long[rows.Count * (long)length];
        for (var r = 0; r < rows.Count; r++)
        {
            cache.MakeRoom(rows[r], CountOf(r));
            for (var s = 0; s < length; s++)
            {
                positions[((long)r * length) + s] = rows[r].Length + Math.Min(s, CountOf(r) - 1); // padding stays inside the context
            }
        }

        Positions = torch.tensor(positions, [rows.Count, length], device: cache.Device);
        if (!_byKernel)
        {
            Place();
        }
    }

    /// <summary>Int64 [R, S].</summary>
    public torch.Tensor Positions { get; }

    /// <summary>What the new positions may see.</summary>
    /// <param name="window">A query sees that many positions, its own included; null: all before it.</param>
    public Sight Sight(int? window)
    {
        if (_byKernel)
        {
            return new Sight(null, Causal: false) { Window = window };
        }

        if (_fresh)
        {
            return Models.Blocks.Sight.Of(_length, window, real: null, _cache.Device); // padding stands behind what is real
        }

        var keys = Constant.Range(0, _table!.size(0) / _rows.Count * KvCache.BlockSize, _cache.Device);
        return new Sight(Models.Blocks.Sight.Seen(Positions.view(_rows.Count, 1, _length, 1), keys, window), Causal: false); // [R, 1, S, keys]
    }

    /// <summary>Attends to everything before and the new positions themselves, whose keys and values it stores.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="queries">[R, S, H, Dh]</param>
    /// <param name="keys">[R, K, S, Dh]</param>
    /// <param name="values">[R, K, S, Dh]</param>
    /// <param name="sight">What may be seen.</param>
    /// <param name="scale">Of the scores.</param>
    /// <param name="cap">Soft cap of the scores.</param>
    /// <returns>[R, S, H · Dh]; or null: then to be attended to are the keys and values that come back.</returns>
    public torch.Tensor? Attend(
        int layer, torch.Tensor queries, ref torch.Tensor keys, ref torch.Tensor values, Sight sight, double scale, double? cap)
    {
        var (allKeys, allValues) = _cache.Layer(layer);
        if (_byKernel)
        {
            return BlockAttention.Run(
                queries.contiguous(), keys.contiguous(), values.contiguous(), allKeys, allValues, _rows, new(scale, cap, sight.Window));
        }

        Store(keys, values, allKeys, allValues);
        if (!_fresh)
        {
            (keys, values) = Gather(allKeys, allValues);
        }

        return null;
    }

    /// <summary>All layers have stored.</summary>
    public void End()
    {
        for (var r = 0; r < _rows.Count; r++)
        {
            _rows[r].Length += CountOf(r);
        }
    }

    private int CountOf(int row) => _counts?[row] ?? _length;

    private void Place()
    {
        var (sources, blocks, offsets) = (new List<long>(), new List<long>(), new List<long>());
        for (var r = 0; r < _rows.Count; r++)
        {
            for (var s = 0; s < CountOf(r); s++)
            {
                var position = _rows[r].Length + s;
                sources.Add(((long)r * _length) + s);
                blocks.Add(_rows[r].Blocks[position / KvCache.BlockSize]);
                offsets.Add(position % KvCache.BlockSize);
            }
        }

        torch.Tensor Of(IEnumerable<long> numbers) => torch.tensor(numbers.ToArray(), device: _cache.Device);
        _sources = _counts is null ? null : Of(sources);
        (_blocks, _offsets) = (Of(blocks), Of(offsets));
        var most = _rows.Max(row => row.Blocks.Count);
        // Block 0 fills up short rows; it is masked.
        _table = Of(_rows.SelectMany(row => Enumerable.Range(0, most).Select(index => index < row.Blocks.Count ? (long)row.Blocks[index] : 0)));
    }

    private void Store(torch.Tensor keys, torch.Tensor values, torch.Tensor allKeys, torch.Tensor allValues)
    {
        allKeys.index_put_(Real(keys), torch.TensorIndex.Tensor(_blocks!), torch.TensorIndex.Colon, torch.TensorIndex.Colon, torch.TensorIndex.Tensor(_offsets!));
        allValues.index_put_(Real(values), torch.TensorIndex.Tensor(_blocks!), torch.TensorIndex.Colon, torch.TensorIndex.Tensor(_offsets!));
    }

    // [R, K, S, Dh] -> [N, K, Dh]
    private torch.Tensor Real(torch.Tensor heads)
    {
        var all = heads.transpose(1, 2).flatten(0, 1);
        return _sources is null ? all : all.index_select(0, _sources);
    }

    // -> [R, K, blocks · 16, Dh] each
    private (torch.Tensor Keys, torch.Tensor Values) Gather(torch.Tensor allKeys, torch.Tensor allValues)
    {
        long heads = _cache.Config.KeyHeads, size = _cache.Config.HeadSize;
        var keys = allKeys.index_select(0, _table!).view(_rows.Count, -1, heads, size, KvCache.BlockSize).permute(0, 2, 1, 4, 3);
        var values = allValues.index_select(0, _table!).view(_rows.Count, -1, heads, KvCache.BlockSize, size).permute(0, 2, 1, 3, 4);
        return (keys.reshape(_rows.Count, heads, -1, size), values.reshape(_rows.Count, heads, -1, size));
    }
}
