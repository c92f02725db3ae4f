using System.Text.Json.Nodes;
using RftService.Engine.Checkpoints;
using RftService.Engine.Models;

namespace RftService.Engine.Tests.Models;

/// <summary>A random two-layer checkpoint in a folder of its own, with a byte-level tokenizer.</summary>
internal sealed class TinyModel : IDisposable
{
    public const int EndOfText = 256;

    public TinyModel(Action<JsonObject>? change = null, int vocabulary = 260, bool headOnly = false)
    {
        Folder = Directory.CreateTempSubdirectory("rft-model-").FullName;
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["hidden_act"] = "silu",
            ["hidden_size"] = 32,
            ["intermediate_size"] = 48,
            ["max_position_embeddings"] = 64,
            ["num_attention_heads"] = 4,
            ["num_hidden_layers"] = 2,
            ["num_key_value_heads"] = 2,
            ["rms_norm_eps"] = 1e-6,
            ["rope_theta"] = 10000.0,
            ["tie_word_embeddings"] = true,
            ["eos_token_id"] = EndOfText,
            ["torch_dtype"] = "float32",
            ["vocab_size"] = vocabulary,
        };
        change?.Invoke(config);
        Write("config.json", config);
        WriteTokenizer();
        WriteWeights(headOnly);
    }

    public string Folder { get; }

    public string Weights => Path.Combine(Folder, "model.safetensors");

    public ICausalLm Load(LoraSpec? lora = null, int seed = 0) => ModelCatalog.Load(Folder, "cpu", lora, seed);

    public void Write(string file, JsonNode json) => File.WriteAllText(Path.Combine(Folder, file), json.ToJsonString());

    public void Edit(string file, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, file)))!.AsObject();
        change(json);
        Write(file, json);
    }

    /// <summary>Random weights for the config, or for the given tensors instead.</summary>
    public void WriteWeights(
        bool headOnly = false, IReadOnlyList<(string Name, long[] Shape)>? tensors = null, SafeTensorsDtype dtype = SafeTensorsDtype.Float32)
    {
        var random = new Random(7);
        tensors ??= ModelLayout.Tensors(ModelConfig.Load(Folder));
        string Stored(string name) => headOnly && name == ModelLayout.Embedding ? ModelLayout.Head : name;
        using var writer = new SafeTensorsWriter(
            Weights, [.. tensors.Select(tensor => new SafeTensorsEntry(Stored(tensor.Name), dtype, tensor.Shape))]);
        foreach (var (name, shape) in tensors)
        {
            var isNorm = name.EndsWith("norm.weight", StringComparison.Ordinal);
            var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
            for (var i = 0; i < values.Length; i++)
            {
                var normal = MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
                values[i] = isNorm ? 1 + (0.1f * normal) : 0.2f * normal;
            }

            writer.Write(values);
        }

        writer.Commit();
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void WriteTokenizer()
    {
        var vocabulary = new JsonObject();
        foreach (var (index, letter) in ByteLetters().Index())
        {
            vocabulary[letter.ToString()] = index;
        }

        Write("tokenizer.json", new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray(new JsonObject
            {
                ["id"] = EndOfText,
                ["content"] = "<|end|>",
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            }),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "ByteLevel",
                ["add_prefix_space"] = false,
                ["trim_offsets"] = true,
                ["use_regex"] = true,
            },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = true, ["trim_offsets"] = true, ["use_regex"] = true },
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
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray(),
            },
        });
    }

    // GPT-2's printable letter for every byte.
    private static IEnumerable<char> ByteLetters()
    {
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            yield return value is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255) ? (char)value : (char)next++;
        }
    }
}
