using System.Text.Json;
using System.Text.Json.Nodes;
using RftService.Engine.Tokenization;

namespace RftService.Engine.Tests.Tokenization;

/// <summary>A model folder made by a test, deleted at its end.</summary>
internal sealed class TokenizerFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tokenizer-");

    public string Path => _folder.FullName;

    public TokenizerFolder Write(string file, string text)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, file), text);
        return this;
    }

    /// <summary>A tokenizer.json whose parts are JSON texts; null is JSON's null.</summary>
    public TokenizerFolder WriteTokenizer(
        string model, string? normalizer = null, string? preTokenizer = null, string? decoder = null, string? postProcessor = null, string addedTokens = "[]") =>
        Write("tokenizer.json", $$"""
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": {{addedTokens}}, "normalizer": {{normalizer ?? "null"}},
             "pre_tokenizer": {{preTokenizer ?? "null"}}, "post_processor": {{postProcessor ?? "null"}}, "decoder": {{decoder ?? "null"}}, "model": {{model}}}
            """);

    public Tokenizer Load() => Tokenizer.Load(Path);

    /// <summary>A BPE model with these tokens, ids in order.</summary>
    public static string Bpe(IEnumerable<string> tokens, IEnumerable<string> merges, string fields = "")
    {
        var vocabulary = new JsonObject();
        foreach (var token in tokens)
        {
            vocabulary[token] = vocabulary.Count;
        }

        return $$"""{"type": "BPE", {{fields}} "vocab": {{vocabulary.ToJsonString()}}, "merges": {{JsonSerializer.Serialize(merges)}}}""";
    }

    /// <summary>A byte-level tokenizer with all 256 byte characters and some merges.</summary>
    public TokenizerFolder WriteByteLevel(string[] merges, string? normalizer = null, string addedTokens = "[]", string fields = "", bool prefixSpace = false)
    {
        var tokens = Enumerable.Range(0, 256).Select(value => ByteLevelAlphabet.Char((byte)value).ToString())
            .Concat(merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)));
        var prefix = prefixSpace ? "true" : "false";
        return WriteTokenizer(
            Bpe(tokens, merges, fields),
            normalizer,
            $$"""{"type": "ByteLevel", "add_prefix_space": {{prefix}}, "trim_offsets": true, "use_regex": true}""",
            """{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}""",
            addedTokens: addedTokens);
    }

    /// <summary>The tokens as texts, which read better in a test than ids.</summary>
    public static string[] Tokens(Tokenizer tokenizer, string text, bool addSpecialTokens = false) =>
        [.. tokenizer.Encode(text, addSpecialTokens).Select(id => tokenizer.TokenText(id, skipSpecialTokens: false)!)];

    public void Dispose() => _folder.Delete(recursive: true);
}
