using System.Globalization;
using System.Text.Json;

namespace RftService.Engine.Tokenization;

/// <summary>Reads a BPE model of tokenizer.json.</summary>
internal static class BpeReader
{
    public static BpeModel Read(JsonPlace place)
    {
        place.Only(
            "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges");
        if (place.Optional("dropout") is { } dropout && !(dropout.Value.ValueKind == JsonValueKind.Number && dropout.Value.GetDouble() == 0))
        {
            throw dropout.Fault($"expected no merge dropout, which makes tokens random, got {dropout.Excerpt()}");
        }

        var vocabulary = TokenModel.ReadVocabulary(place["vocab"]);
        var prefix = place.Optional("continuing_subword_prefix")?.Text() ?? "";
        var unknown = place.Optional("unk_token");
        return new BpeModel(vocabulary, Merges(place["merges"], vocabulary, prefix))
        {
            Unknown = unknown is { } token
                ? vocabulary.TryGetValue(token.Text(), out var id) ? id : throw token.Fault($"the token `{token.Text()}` is not in the vocabulary")
                : null,
            FuseUnknown = place.Bool("fuse_unk", false),
            IgnoreMerges = place.Bool("ignore_merges", false),
            ByteTokens = place.Bool("byte_fallback", false) ? ByteTokens(vocabulary) : null,
            ContinuingPrefix = prefix,
            EndSuffix = place.Optional("end_of_word_suffix")?.Text() ?? "",
        };
    }

    // `byte_fallback` promises nothing: small vocabularies set it and hold no byte token at all.
    private static int?[]? ByteTokens(Dictionary<string, int> vocabulary)
    {
        var tokens = new int?[256];
        for (var value = 0; value < 256; value++)
        {
            tokens[value] = vocabulary.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out var id) ? id : null;
        }

        return tokens.Any(token => token is not null) ? tokens : null;
    }

    private static Dictionary<(int Left, int Right), (int Rank, int Merged)> Merges(JsonPlace place, Dictionary<string, int> vocabulary, string prefix)
    {
        var merges = new Dictionary<(int, int), (int, int)>();
        var rank = 0;
        foreach (var item in place.Items())
        {
            var (left, right, merged) = Ids(item, vocabulary, prefix);
            merges[(left, right)] = (rank++, merged); // of a pair that is listed twice the last rank counts
        }

        return merges;
    }

    private static (int Left, int Right, int Merged) Ids(JsonPlace item, Dictionary<string, int> vocabulary, string prefix)
    {
        if (item.Value.ValueKind == JsonValueKind.Array)
        {
            var pair = item.Items().Select(part => part.Text()).ToArray();
            return pair.Length == 2
                ? Find(pair[0], pair[1]) ?? throw item.Fault($"the pair {item.Excerpt()} or what it merges into is not in the vocabulary")
                : throw item.Fault($"expected two tokens, got {pair.Length}");
        }

        // "a b". A token may itself hold or be a space, as in "a  ": the cut that is right is the one whose three tokens exist.
        var text = item.Text();
        (int, int, int)? found = null;
        for (var cut = text.IndexOf(' ', StringComparison.Ordinal); cut >= 0; cut = text.IndexOf(' ', cut + 1))
        {
            if (Find(text[..cut], text[(cut + 1)..]) is { } ids)
            {
                found = found is null ? ids : throw item.Fault($"`{text}` can be read as more than one pair of tokens");
            }
        }

        return found ?? throw item.Fault($"`{text}` is no pair of tokens of the vocabulary that merges into another one");

        (int Left, int Right, int Merged)? Find(string left, string right)
        {
            var tail = prefix.Length > 0 && right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right;
            return vocabulary.TryGetValue(left, out var leftId)
                && vocabulary.TryGetValue(right, out var rightId)
                && vocabulary.TryGetValue(left + tail, out var mergedId)
                    ? (leftId, rightId, mergedId)
                    : null;
        }
    }
}
