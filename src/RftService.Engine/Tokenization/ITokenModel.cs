using System.Text.Json;

namespace RftService.Engine.Tokenization;

/// <summary>The `model` of tokenizer.json: turns one word into token ids.</summary>
internal interface ITokenModel
{
    /// <summary>Ids by token, added tokens not included.</summary>
    IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Appends the ids of a word.</summary>
    void Encode(string word, List<int> ids);
}

/// <summary>Reads the model of tokenizer.json.</summary>
internal static class TokenModel
{
    // A table of all tokens is made, so an absurd id may not size it.
    internal const int MaxId = 10_000_000;

    public static ITokenModel Read(JsonPlace place) => place["type"].Text() switch
    {
        "BPE" => BpeReader.Read(place),
        "WordLevel" => WordLevelModel.Read(place),
        "Unigram" => UnigramModel.Read(place),
        var type => throw place["type"].Fault($"the model `{type}` is not supported; BPE, Unigram and WordLevel are"),
    };

    public static Dictionary<string, int> ReadVocabulary(JsonPlace place)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        // Without a pointer for each: there are hundreds of thousands.
        foreach (var field in place.Expect(JsonValueKind.Object, "an object").EnumerateObject())
        {
            vocabulary[field.Name] = field.Value.ValueKind == JsonValueKind.Number && field.Value.TryGetInt32(out var id) && id is >= 0 and <= MaxId
                ? id
                : throw place[field.Name].Fault($"expected a token id of 0 to {MaxId}, got {place[field.Name].Excerpt()}");
        }

        return vocabulary;
    }
}

/// <summary>One token a word, or the unknown token.</summary>
internal sealed class WordLevelModel(Dictionary<string, int> vocabulary, int? unknown) : ITokenModel
{
    public IReadOnlyDictionary<string, int> Vocabulary => vocabulary;

    public static WordLevelModel Read(JsonPlace place)
    {
        place.Only("type", "vocab", "unk_token");
        var vocabulary = TokenModel.ReadVocabulary(place["vocab"]);
        var unknown = place["unk_token"];
        // A vocabulary without its unknown token is legal; then unknown words give no token.
        return new WordLevelModel(vocabulary, vocabulary.TryGetValue(unknown.Text(), out var id) ? id : null);
    }

    public void Encode(string word, List<int> ids)
    {
        if (vocabulary.TryGetValue(word, out var id))
        {
            ids.Add(id);
        }
        else if (unknown is { } unknownId)
        {
            ids.Add(unknownId);
        }
    }
}
