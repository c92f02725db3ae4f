using System.Collections.Concurrent;
using System.Text;

namespace RftService.Engine.Tokenization;

/// <summary>
/// Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909): the characters of a word are joined pair by pair, lowest rank first
/// and leftmost among equals. A heap of candidate pairs keeps a word of n characters at O(n log n).
/// </summary>
internal sealed class BpeModel(Dictionary<string, int> vocabulary, Dictionary<(int Left, int Right), (int Rank, int Merged)> merges) : ITokenModel
{
    private const int CachedWords = 32_768, CachedWordLength = 64;
    private readonly ConcurrentDictionary<string, int[]> _cache = new(StringComparer.Ordinal);
    private int _cached;

    public IReadOnlyDictionary<string, int> Vocabulary => vocabulary;

    /// <summary>The token of characters that the vocabulary lacks; null drops them.</summary>
    public int? Unknown { get; init; }

    /// <summary>One unknown token for a run of unknown characters.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A word that is a token stays one, even where no merges lead to it.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Tokens by byte, for characters the vocabulary lacks; null when there are none.</summary>
    public int?[]? ByteTokens { get; init; }

    public string ContinuingPrefix { get; init; } = "";

    public string EndSuffix { get; init; } = "";

    public void Encode(string word, List<int> ids)
    {
        if (word.Length == 0)
        {
            return;
        }

        if (IgnoreMerges && vocabulary.TryGetValue(word, out var whole))
        {
            ids.Add(whole);
            return;
        }

        if (_cache.TryGetValue(word, out var known))
        {
            ids.AddRange(known);
            return;
        }

        var merged = Merge(Symbols(word));
        ids.AddRange(merged);
        if (word.Length <= CachedWordLength)
        {
            Remember(word, merged);
        }
    }

    // Full: start over. The frequent words are back at once, and nothing has to be ordered by age.
    private void Remember(string word, int[] ids)
    {
        if (Interlocked.Increment(ref _cached) > CachedWords)
        {
            _cache.Clear();
            Interlocked.Exchange(ref _cached, 0);
        }

        _cache[word] = ids;
    }

    private List<int> Symbols(string word)
    {
        var symbols = new List<int>(word.Length);
        var pendingUnknown = false;
        var at = 0;
        foreach (var rune in word.EnumerateRunes())
        {
            var symbol = word.Substring(at, rune.Utf16SequenceLength);
            symbol = at > 0 ? ContinuingPrefix + symbol : symbol;
            at += rune.Utf16SequenceLength;
            symbol = at == word.Length ? symbol + EndSuffix : symbol;
            if (vocabulary.TryGetValue(symbol, out var id))
            {
                if (pendingUnknown)
                {
                    symbols.Add(Unknown!.Value);
                    pendingUnknown = false;
                }

                symbols.Add(id);
            }
            else if (!TryBytes(symbol, symbols) && Unknown is { } unknown)
            {
                if (pendingUnknown && !FuseUnknown)
                {
                    symbols.Add(unknown);
                }

                pendingUnknown = true;
            }
        }

        if (pendingUnknown)
        {
            symbols.Add(Unknown!.Value);
        }

        return symbols;
    }

    private bool TryBytes(string symbol, List<int> symbols)
    {
        if (ByteTokens is null)
        {
            return false;
        }

        var bytes = Encoding.UTF8.GetBytes(symbol);
        if (bytes.Any(value => ByteTokens[value] is null))
        {
            return false;
        }

        symbols.AddRange(bytes.Select(value => ByteTokens[value]!.Value));
        return true;
    }

    private int[] Merge(List<int> symbols)
    {
        var count = symbols.Count;
        var (ids, next, previous) = (symbols.ToArray(), new int[count], new int[count]);
        var candidates = new PriorityQueue<(int Left, int LeftId, int RightId, int Merged), (int Rank, int Left)>(count);
        for (var i = 0; i < count; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
            if (i + 1 < count)
            {
                Offer(i, i + 1);
            }
        }

        while (candidates.TryDequeue(out var pair, out _))
        {
            var right = next[pair.Left];
            // Stale: one of the two has been merged away since the pair was offered.
            if (ids[pair.Left] != pair.LeftId || right >= count || ids[right] != pair.RightId)
            {
                continue;
            }

            ids[pair.Left] = pair.Merged;
            ids[right] = -1;
            next[pair.Left] = next[right];
            if (next[right] < count)
            {
                previous[next[right]] = pair.Left;
                Offer(pair.Left, next[right]);
            }

            if (previous[pair.Left] >= 0)
            {
                Offer(previous[pair.Left], pair.Left);
            }
        }

        return Array.FindAll(ids, id => id >= 0);

        void Offer(int left, int right)
        {
            if (merges.TryGetValue((ids[left], ids[right]), out var merge))
            {
                candidates.Enqueue((left, ids[left], ids[right], merge.Merged), (merge.Rank, left));
            }
        }
    }
}
