using System.Runtime.InteropServices;

namespace RftService.Engine.Rollouts;

/// <summary>
/// Keeps full blocks of prompts for prompts to come that begin alike. A block is known by all tokens up to its end; the one that was not needed for
/// the longest time goes first. Valid for one state of the weights. Owners share nothing: how fast a prompt is computed would tell one of them what
/// another has asked.
/// </summary>
internal sealed class PrefixCache
{
    private const int Size = KvCache.BlockSize;
    private const int Root = 0;

    private readonly KvCache _cache;
    private readonly int _most;
    private readonly Dictionary<Key, Entry> _entries = [];
    private readonly LinkedList<Entry> _newestFirst = []; // a block always stands before those that go on from it
    private int _numbers = Root;

    /// <param name="cache">Holds the blocks; at most a quarter of them is kept for later.</param>
    public PrefixCache(KvCache cache)
    {
        (_cache, _most) = (cache, Math.Max(1, cache.Blocks / 4));
        cache.Evict = Evict;
    }

    /// <summary>True when one more block could be kept.</summary>
    public bool HasRoom => _entries.Count < _most || Unused() is not null;

    /// <summary>A row that begins with what is known of a text. Its last token is never among it: what is drawn next follows from that one.</summary>
    public KvRow Begin(Guid owner, IReadOnlyList<int> text)
    {
        var row = KvCache.NewRow();
        var path = Path(owner, text);
        foreach (var entry in path.Take((text.Count - 1) / Size))
        {
            _cache.Share(entry.Block);
            row.Blocks.Add(entry.Block);
        }

        row.Length = row.Blocks.Count * Size;
        Touch(path);
        return row;
    }

    /// <summary>Positions that <see cref="Begin"/> would begin with, and what names the block behind them; null where that is not a full one.</summary>
    public (int Known, Key? Next) Look(Guid owner, IReadOnlyList<int> text)
    {
        var path = Path(owner, text);
        Key? next = path.Count < text.Count / Size ? KeyAfter(path, owner, text) : null;
        return (Math.Min(path.Count, (text.Count - 1) / Size) * Size, next);
    }

    /// <summary>Keeps the full blocks of a text that a row has computed, as far as there is room.</summary>
    public void Add(Guid owner, IReadOnlyList<int> text, KvRow row)
    {
        var path = Path(owner, text);
        while (path.Count < text.Count / Size && (_entries.Count < _most || Evict()))
        {
            var key = KeyAfter(path, owner, text);
            var entry = new Entry(key, ++_numbers, row.Blocks[path.Count]);
            _cache.Share(entry.Block);
            _entries.Add(key, entry);
            _newestFirst.AddFirst(entry.Place);
            path.Add(entry);
        }

        Touch(path);
    }

    /// <summary>Forgets everything: the weights are others now.</summary>
    public void Clear()
    {
        foreach (var entry in _newestFirst)
        {
            _cache.Release(entry.Block);
        }

        _newestFirst.Clear();
        _entries.Clear();
    }

    private bool Evict()
    {
        if (Unused() is not { } entry)
        {
            return false;
        }

        _newestFirst.Remove(entry.Place);
        _entries.Remove(entry.Key);
        _cache.Release(entry.Block);
        return true;
    }

    // Whoever holds a block holds those before it too, so nothing goes on from the oldest that nobody holds.
    private Entry? Unused()
    {
        var place = _newestFirst.Last;
        while (place is not null && _cache.UsersOf(place.Value.Block) > 1)
        {
            place = place.Previous;
        }

        return place?.Value;
    }

    private List<Entry> Path(Guid owner, IReadOnlyList<int> text)
    {
        var path = new List<Entry>();
        while (path.Count < text.Count / Size && _entries.TryGetValue(KeyAfter(path, owner, text), out var entry))
        {
            path.Add(entry);
        }

        return path;
    }

    private static Key KeyAfter(List<Entry> path, Guid owner, IReadOnlyList<int> text) =>
        new(owner, path.Count == 0 ? Root : path[^1].Number, Tokens(text, path.Count));

    private void Touch(List<Entry> path)
    {
        for (var i = path.Count - 1; i >= 0; i--)
        {
            _newestFirst.Remove(path[i].Place);
            _newestFirst.AddFirst(path[i].Place);
        }
    }

    private static string Tokens(IReadOnlyList<int> text, int block)
    {
        Span<int> tokens = stackalloc int[Size];
        for (var i = 0; i < Size; i++)
        {
            tokens[i] = text[(block * Size) + i];
        }

        return new string(MemoryMarshal.Cast<int, char>(tokens));
    }

    /// <summary>A block: whose, the number of the one before it, its own tokens.</summary>
    public readonly record struct Key(Guid Owner, int Before, string Tokens);

    private sealed class Entry
    {
        public Entry(Key key, int number, int block)
        {
            (Key, Number, Block) = (key, number, block);
            Place = new LinkedListNode<Entry>(this);
        }

        public Key Key { get; }

        public int Number { get; }

        public int Block { get; }

        public LinkedListNode<Entry> Place { get; }
    }
}
