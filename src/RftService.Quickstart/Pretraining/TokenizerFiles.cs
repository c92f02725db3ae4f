using System.Text.Json;
using System.Text.Json.Nodes;

namespace RftService.Quickstart.Pretraining;

/// <summary>Writes a learned vocabulary as the tokenizer files of a Hugging Face folder.</summary>
internal static class TokenizerFiles
{
    public const string Begin = "<|begin|>";
    public const string End = "<|end|>";

    /// <summary>How a conversation becomes a prompt: only what users say counts, and the answer starts after `Solution:`.</summary>
    private const string ChatTemplate =
        "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ 'Problem: ' + message['content'] + '\\nSolution:' }}"
        + "{% elif message['role'] == 'assistant' %}{{ message['content'] + '\\n' }}{% endif %}{% endfor %}";

    private static readonly JsonSerializerOptions Pretty = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Write(string folder, BpeTrainer bpe)
    {
        var special = new[] { Begin, End };
        Write(folder, "tokenizer.json", new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. special.Select(token => AddedToken(token, bpe.Vocabulary[token]))]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = BpeTrainer.Pattern }, ["behavior"] = "Isolated", ["invert"] = false },
                    ByteLevel()),
            },
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(
                    new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = Begin, ["type_id"] = 0 } },
                    new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } }),
                ["pair"] = new JsonArray(),
                ["special_tokens"] = new JsonObject
                {
                    [Begin] = new JsonObject { ["id"] = Begin, ["ids"] = new JsonArray(bpe.Vocabulary[Begin]), ["tokens"] = new JsonArray(Begin) },
                },
            },
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = new JsonObject(bpe.Vocabulary.Select(token => KeyValuePair.Create(token.Key, (JsonNode?)token.Value))),
                ["merges"] = new JsonArray([.. bpe.Merges.Select(merge => new JsonArray(merge.Left, merge.Right))]),
            },
        });
        Write(folder, "tokenizer_config.json", new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["bos_token"] = Begin,
            ["eos_token"] = End,
            ["chat_template"] = ChatTemplate,
            ["clean_up_tokenization_spaces"] = false,
        });
        Write(folder, "generation_config.json", new JsonObject
        {
            ["bos_token_id"] = bpe.Vocabulary[Begin],
            ["eos_token_id"] = bpe.Vocabulary[End],
        });
    }

    public static void Write(string folder, string file, JsonNode content) =>
        File.WriteAllText(Path.Combine(folder, file), content.ToJsonString(Pretty) + "\n");

    private static JsonObject AddedToken(string content, int id) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };

    private static JsonObject ByteLevel() => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = false,
        ["trim_offsets"] = true,
        ["use_regex"] = false,
    };
}
