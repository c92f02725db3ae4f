using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace RftService.Api.Datasets;

/// <summary>Gathers statistics row by row in bounded memory.</summary>
internal sealed class StatisticsBuilder
{
    /// <summary>Rows whose prompts are compared; 64 bits of a hash each, so about 30 MB at most.</summary>
    public const int MaxCompared = 1_000_000;

    private const int MaxFields = 200;
    private const int MaxFieldName = 200;

    private readonly SortedDictionary<string, (long Present, SortedDictionary<string, long> Types)> _fields = new(StringComparer.Ordinal);
    private readonly Lengths _prompts = new();
    private readonly Lengths _completions = new();
    private readonly HashSet<long> _promptHashes = [];
    private long _otherFields;
    private long _compared;
    private long _duplicates;

    public void Add(JsonElement row, RowTexts texts)
    {
        foreach (var member in row.EnumerateObject())
        {
            AddField(member);
        }

        _prompts.Add(texts.PromptLength);
        foreach (var length in texts.CompletionLengths)
        {
            _completions.Add(length);
        }

        if (_compared < MaxCompared)
        {
            _compared++;
            _duplicates += _promptHashes.Add(HashOf(texts.PromptKey)) ? 0 : 1;
        }
    }

    public DatasetStatistics Build(int rows, long bytes) => new()
    {
        Rows = rows,
        Bytes = bytes,
        Fields = _fields.ToDictionary(field => field.Key, field => new FieldStatistics(field.Value.Present, field.Value.Types)),
        OtherFields = _otherFields,
        PromptCharacters = _prompts.Build() ?? new LengthStatistics(0, 0, 0, 0, 0, []),
        CompletionCharacters = _completions.Build(),
        DuplicatePrompts = new DuplicateStatistics(_duplicates, _compared),
    };

    private void AddField(JsonProperty member)
    {
        if (!_fields.TryGetValue(member.Name, out var field))
        {
            if (_fields.Count == MaxFields || member.Name.Length > MaxFieldName)
            {
                _otherFields++;
                return;
            }

            field = (0, new SortedDictionary<string, long>(StringComparer.Ordinal));
        }

        var type = Json.TypeName(member.Value);
        field.Types[type] = field.Types.GetValueOrDefault(type) + 1;
        _fields[member.Name] = (field.Present + 1, field.Types);
    }

    private static long HashOf(string text) =>
        BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    // Exact counts by length. n different lengths need n²/2 characters, so even 10 GB hold at most 150,000 of them.
    private sealed class Lengths
    {
        private readonly Dictionary<int, long> _counts = [];

        public void Add(int length) => _counts[length] = _counts.GetValueOrDefault(length) + 1;

        public LengthStatistics? Build()
        {
            if (_counts.Count == 0)
            {
                return null;
            }

            var ordered = _counts.OrderBy(entry => entry.Key).ToList();
            var total = ordered.Sum(entry => entry.Value);
            return new LengthStatistics(
                ordered[0].Key,
                Quantile(ordered, total, 0.5),
                Math.Round(ordered.Sum(entry => (double)entry.Key * entry.Value) / total, 2),
                Quantile(ordered, total, 0.95),
                ordered[^1].Key,
                Histogram(ordered));
        }

        // The nearest-rank definition: the smallest length that at least this share of the texts does not exceed.
        private static int Quantile(List<KeyValuePair<int, long>> ordered, long total, double share)
        {
            var left = (long)Math.Ceiling(share * total);
            foreach (var (length, count) in ordered)
            {
                left -= count;
                if (left <= 0)
                {
                    return length;
                }
            }

            return ordered[^1].Key;
        }

        private static List<LengthBucket> Histogram(List<KeyValuePair<int, long>> ordered)
        {
            var counts = new SortedDictionary<int, long>();
            foreach (var (length, count) in ordered)
            {
                var bucket = length == 0 ? 0 : int.Log2(length) + 1;
                counts[bucket] = counts.GetValueOrDefault(bucket) + count;
            }

            var (first, last) = (counts.Keys.First(), counts.Keys.Last());
            return [.. Enumerable.Range(first, last - first + 1).Select(bucket => bucket == 0
                ? new LengthBucket(0, 0, counts.GetValueOrDefault(0))
                : new LengthBucket(1 << (bucket - 1), (int)((1L << bucket) - 1), counts.GetValueOrDefault(bucket)))];
        }
    }
}
