using RftService.Engine.Models;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>
/// Keys and values of past positions in blocks of 16, preallocated and written in place (Kwon et al. 2023, arXiv:2309.06180). Rows take blocks
/// as they grow and give them back when they end, so nothing is moved; what rows have in common is held once.
/// </summary>
public sealed class KvCache : IDisposable
{
    /// <summary>Positions of a block.</summary>
    public const int BlockSize = 16;

    private readonly ModelConfig _config;
    private readonly torch.Device _device;
    private readonly torch.Tensor[] _keys;    // each [blocks, K, Dh, 16]: the scores of 16 positions are then one vector
    private readonly torch.Tensor[] _values;  // each [blocks, K, 16, Dh]
    private readonly int[] _users;            // how many hold a block
    private readonly Stack<int> _free;
    private int _used;                        // blocks from here on have never been taken: their memory is not even touched

    /// <summary>Makes an empty cache.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="blocks">Blocks that fit.</param>
    /// <param name="device">Where the model lies.</param>
    public KvCache(ModelConfig config, int blocks, string device)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        (_config, _device, _users) = (config, torch.device(device), new int[blocks]);
        _free = new Stack<int>(Enumerable.Range(0, blocks).Reverse());
        long heads = config.KeyHeads, size = config.HeadSize;
        (_keys, _values) = (new torch.Tensor[config.Layers], new torch.Tensor[config.Layers]);
        try
        {
            for (var layer = 0; layer < config.Layers; layer++)
            {
                (_keys[layer], _values[layer]) = (New(blocks, heads, size, BlockSize), New(blocks, heads, BlockSize, size));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Blocks that fit.</summary>
    public int Blocks => _users.Length;

    /// <summary>Blocks that no row holds.</summary>
    public int FreeBlocks => _free.Count;

    /// <summary>Gives a block back that is only kept for later, when all are taken; false when there is none.</summary>
    internal Func<bool>? Evict { get; set; }

    internal ModelConfig Config => _config;

    internal torch.Device Device => _device;

    /// <summary>Blocks that so many positions take.</summary>
    public static int BlocksFor(int positions) => (positions + BlockSize - 1) / BlockSize;

    /// <summary>Bytes of one block, all layers together.</summary>
    public static long BytesPerBlock(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return 2L * config.Layers * config.KeyHeads * config.HeadSize * BlockSize * sizeof(float);
    }

    /// <summary>A row without positions.</summary>
    public static KvRow NewRow() => new();

    /// <summary>Rows that go on from where this one is: its full blocks are shared, its last one is copied.</summary>
    public IReadOnlyList<KvRow> Fork(KvRow row, int count)
    {
        ArgumentNullException.ThrowIfNull(row);
        var full = row.Length / BlockSize;
        var forks = new List<KvRow>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                forks.Add(new KvRow { Length = row.Length });
                foreach (var block in row.Blocks.Take(full))
                {
                    Share(block);
                    forks[i].Blocks.Add(block);
                }

                if (row.Length % BlockSize > 0)
                {
                    forks[i].Blocks.Add(Take());
                }
            }

            if (row.Length % BlockSize > 0)
            {
                Copy(row.Blocks[full], [.. forks.Select(fork => (long)fork.Blocks[full])]);
            }
        }
        catch
        {
            forks.ForEach(Release);
            throw;
        }

        return forks;
    }

    /// <summary>Gives the blocks of a row back.</summary>
    public void Release(KvRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        row.Blocks.ForEach(Release);
        row.Blocks.Clear();
        row.Length = 0;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values))
        {
            tensor?.Dispose(); // null where there was no memory for all layers
        }
    }

    /// <summary>One more holds a block.</summary>
    internal void Share(int block) => _users[block]++;

    /// <summary>One of those that hold a block gives it back.</summary>
    internal void Release(int block)
    {
        if (--_users[block] == 0)
        {
            _free.Push(block);
        }
    }

    internal int UsersOf(int block) => _users[block];

    /// <summary>Blocks of a layer, [blocks, K, Dh, 16] and [blocks, K, 16, Dh].</summary>
    internal (torch.Tensor Keys, torch.Tensor Values) Layer(int layer) => (_keys[layer], _values[layer]);

    /// <summary>Takes the blocks that a row needs for so many more positions.</summary>
    internal void MakeRoom(KvRow row, int count)
    {
        while (row.Blocks.Count * BlockSize < row.Length + count)
        {
            row.Blocks.Add(Take());
        }
    }

    private int Take()
    {
        int block;
        while (!_free.TryPop(out block))
        {
            if (Evict?.Invoke() != true)
            {
                throw new InvalidOperationException($"All {Blocks} blocks of the cache are taken.");
            }
        }

        _users[block] = 1;
        if (block >= _used)
        {
            Ready(block);
        }

        return block;
    }

    // What is masked has weight 0, but 0 times the NaN that fresh memory may hold is NaN.
    private void Ready(int block)
    {
        var end = Math.Min(Blocks, Math.Max(block + 1, _used + Math.Max(16, _used / 8)));
        foreach (var tensor in _keys.Concat(_values))
        {
            using var fresh = tensor.narrow(0, _used, end - _used);
            fresh.zero_();
        }

        _used = end;
    }

    private void Copy(int from, long[] to)
    {
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var places = torch.tensor(to, device: _device);
        foreach (var tensor in _keys.Concat(_values))
        {
            tensor.index_copy_(0, places, tensor.narrow(0, from, 1).repeat(to.Length, 1, 1, 1));
        }
    }

    private torch.Tensor New(params long[] shape) => torch.empty(shape, torch.float32, _device).DetachFromDisposeScope();
}
