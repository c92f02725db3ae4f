using System.Globalization;
using System.Text;
using System.Text.Json;

namespace RftService.Engine.Tokenization;

/// <summary>
/// The unigram language model (Kudo 2018, arXiv:1804.10959): a word is cut where the sum of its pieces' scores is highest, found by Viterbi.
/// </summary>
internal sealed class UnigramModel : ITokenModel
{
    // Below every piece, so that an unknown character is the last resort. SentencePiece's constant.
    private const double UnknownPenalty = 10;

    private readonly Dictionary<string, (int Id, double Score)> _pieces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _vocabulary;
    private readonly int _longest;
    private readonly int _unknown;
    private readonly double _unknownScore;
    private readonly int[]? _byteTokens;

    private UnigramModel(IReadOnlyList<(string Piece, double Score)> vocabulary, int unknown, bool byteFallback)
    {
        foreach (var (id, (piece, score)) in vocabulary.Index())
        {
            _pieces[piece] = (id, score); // of a piece that is listed twice the last one counts
        }

        _vocabulary = _pieces.ToDictionary(pair => pair.Key, pair => pair.Value.Id, StringComparer.Ordinal);
        _longest = vocabulary.Max(entry => entry.Piece.Length);
        _unknown = unknown;
        _unknownScore = vocabulary.Min(entry => entry.Score) - UnknownPenalty;
        var bytes = Enumerable.Range(0, 256).Select(value => string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>")).ToArray();
        _byteTokens = byteFallback && bytes.All(_pieces.ContainsKey) ? [.. bytes.Select(token => _pieces[token].Id)] : null;
    }

    public IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public static UnigramModel Read(JsonPlace place)
    {
        place.Only("type", "unk_id", "vocab", "byte_fallback");
        var vocabulary = place["vocab"].Items().Select(Entry).ToList();
        if (vocabulary.Count is 0 or > TokenModel.MaxId)
        {
            throw place["vocab"].Fault($"expected 1 to {TokenModel.MaxId} pieces, got {vocabulary.Count}");
        }

        var unknown = place["unk_id"];
        return unknown.Int() < vocabulary.Count
            ? new UnigramModel(vocabulary, unknown.Int(), place.Bool("byte_fallback", false))
            : throw unknown.Fault($"expected an id below {vocabulary.Count}, got {unknown.Excerpt()}");
    }

    public void Encode(string word, List<int> ids)
    {
        var cuts = Cut(word);
        var found = new List<(int Start, int End)>();
        for (var end = word.Length; end > 0;)
        {
            var (start, known) = cuts[end];
            while (!known && start > 0 && !cuts[start].Known)
            {
                start = cuts[start].Start; // a run of unknown characters is one token, or one run of bytes
            }

            found.Add((start, end));
            end = start;
        }

        for (var i = found.Count - 1; i >= 0; i--)
        {
            Add(word[found[i].Start..found[i].End], ids);
        }
    }

    // For each end of a piece: where its best cut begins, and whether that piece is in the vocabulary.
    private (int Start, bool Known)[] Cut(string word)
    {
        var lookup = _pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        var best = new double[word.Length + 1];
        var cuts = new (int Start, bool Known)[word.Length + 1];
        Array.Fill(cuts, (-1, false));
        var step = 1;
        for (var start = 0; start < word.Length; start += step)
        {
            step = Rune.TryGetRuneAt(word, start, out var rune) ? rune.Utf16SequenceLength : 1;
            var single = false;
            for (var length = 1; length <= _longest && start + length <= word.Length; length++)
            {
                if (lookup.TryGetValue(word.AsSpan(start, length), out var piece))
                {
                    Offer(start, start + length, best[start] + piece.Score, true);
                    single |= length == step;
                }
            }

            if (!single)
            {
                Offer(start, start + step, best[start] + _unknownScore, false);
            }
        }

        return cuts;

        void Offer(int start, int end, double score, bool known)
        {
            if (cuts[end].Start < 0 || score > best[end])
            {
                (best[end], cuts[end]) = (score, (start, known));
            }
        }
    }

    private void Add(string piece, List<int> ids)
    {
        if (_pieces.TryGetValue(piece, out var known))
        {
            ids.Add(known.Id);
        }
        else if (_byteTokens is not null)
        {
            ids.AddRange(Encoding.UTF8.GetBytes(piece).Select(value => _byteTokens[value]));
        }
        else
        {
            ids.Add(_unknown);
        }
    }

    private static (string Piece, double Score) Entry(JsonPlace place)
    {
        var parts = place.Items().ToArray();
        return parts.Length == 2 && parts[1].Value.ValueKind == JsonValueKind.Number
            ? (parts[0].Text(), parts[1].Value.GetDouble())
            : throw place.Fault($"expected a piece and its score, got {place.Excerpt()}");
    }
}
