using System.Text;
using System.Text.RegularExpressions;

namespace RftService.Quickstart.Pretraining;

/// <summary>
/// Learns a byte-level byte-pair vocabulary (Sennrich et al. 2016, arXiv:1508.07909; bytes as in GPT-2) and writes it as tokenizer.json.
/// Merges are chosen by count, ties by the pair's text, so the result depends on the corpus alone.
/// </summary>
internal sealed class BpeTrainer
{
    /// <summary>A word with the space before it, a number with the space before it, anything else: merges never cross these.</summary>
    public const string Pattern = @" ?\p{L}+| ?\d+| ?[^\s\p{L}\d]+|\s+";

    private readonly Dictionary<string, int> _vocabulary = [];
    private readonly List<(string Left, string Right)> _merges = [];

    private BpeTrainer()
    {
    }

    /// <summary>Tokens by text, special tokens first.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    /// <summary>Merges in the order they are applied.</summary>
    public IReadOnlyList<(string Left, string Right)> Merges => _merges;

    /// <summary>Learns at most <paramref name="size"/> tokens, special tokens and the 256 bytes included.</summary>
    public static BpeTrainer Learn(IEnumerable<string> texts, int size, IReadOnlyList<string> specialTokens)
    {
        var bytes = ByteAlphabet();
        var words = new Dictionary<string, long>();
        foreach (var match in texts.SelectMany(text => Regex.Matches(text, Pattern)))
        {
            var word = string.Concat(Encoding.UTF8.GetBytes(match.Value).Select(b => bytes[b]));
            words[word] = words.GetValueOrDefault(word) + 1;
        }

        var trainer = new BpeTrainer();
        foreach (var token in specialTokens.Concat(bytes.Select(letter => letter.ToString())))
        {
            trainer._vocabulary.Add(token, trainer._vocabulary.Count);
        }

        var pieces = words.Select(word => (Parts: word.Key.Select(letter => letter.ToString()).ToList(), Count: word.Value)).ToList();
        while (trainer._vocabulary.Count < size && MostFrequentPair(pieces) is { } pair)
        {
            trainer._merges.Add(pair);
            trainer._vocabulary.TryAdd(pair.Left + pair.Right, trainer._vocabulary.Count);
            foreach (var (parts, _) in pieces)
            {
                Merge(parts, pair);
            }
        }

        return trainer;
    }

    private static (string Left, string Right)? MostFrequentPair(List<(List<string> Parts, long Count)> pieces)
    {
        var counts = new Dictionary<(string, string), long>();
        foreach (var (parts, count) in pieces)
        {
            for (var i = 0; i + 1 < parts.Count; i++)
            {
                counts[(parts[i], parts[i + 1])] = counts.GetValueOrDefault((parts[i], parts[i + 1])) + count;
            }
        }

        return counts.Count == 0
            ? null
            : counts.OrderByDescending(pair => pair.Value)
                .ThenBy(pair => pair.Key.Item1, StringComparer.Ordinal).ThenBy(pair => pair.Key.Item2, StringComparer.Ordinal).First().Key;
    }

    private static void Merge(List<string> parts, (string Left, string Right) pair)
    {
        for (var i = 0; i + 1 < parts.Count; i++)
        {
            if (parts[i] == pair.Left && parts[i + 1] == pair.Right)
            {
                parts[i] += parts[i + 1];
                parts.RemoveAt(i + 1);
            }
        }
    }

    // GPT-2's bytes_to_unicode: printable bytes stand for themselves, the others for characters from U+0100 on.
    private static char[] ByteAlphabet()
    {
        var next = 256;
        return [.. Enumerable.Range(0, 256).Select(b => b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++)];
    }
}
