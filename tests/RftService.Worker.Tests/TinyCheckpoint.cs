using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace RftService.Worker.Tests;

/// <summary>Writes a random one-layer Llama of 260 byte-level tokens as a Hugging Face folder.</summary>
internal static class TinyCheckpoint
{
    private const int Vocabulary = 260;
    private const int Hidden = 16;
    private const int Inner = 24;
    private const int EndOfText = 256;

    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {
              "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": {{Hidden}},
              "intermediate_size": {{Inner}}, "max_position_embeddings": 64, "num_attention_heads": 2, "num_hidden_layers": 1,
              "num_key_value_heads": 1, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": true,
              "eos_token_id": {{EndOfText}}, "torch_dtype": "float32", "vocab_size": {{Vocabulary}}
            }
            """);
        WriteTokenizer(folder);
        WriteWeights(folder);
    }

    private static void WriteWeights(string folder)
    {
        const string layer = "model.layers.0.";
        (string Name, int[] Shape)[] tensors =
        [
            ("model.embed_tokens.weight", [Vocabulary, Hidden]),
            (layer + "input_layernorm.weight", [Hidden]),
            (layer + "self_attn.q_proj.weight", [Hidden, Hidden]),
            (layer + "self_attn.k_proj.weight", [Hidden / 2, Hidden]),
            (layer + "self_attn.v_proj.weight", [Hidden / 2, Hidden]),
            (layer + "self_attn.o_proj.weight", [Hidden, Hidden]),
            (layer + "post_attention_layernorm.weight", [Hidden]),
            (layer + "mlp.gate_proj.weight", [Inner, Hidden]),
            (layer + "mlp.up_proj.weight", [Inner, Hidden]),
            (layer + "mlp.down_proj.weight", [Hidden, Inner]),
            ("model.norm.weight", [Hidden]),
        ];

        var header = new JsonObject();
        var data = new List<float>();
        var random = new Random(7);
        foreach (var (name, shape) in tensors)
        {
            var begin = data.Count * sizeof(float);
            var count = shape.Aggregate(1, (product, size) => product * size);
            data.AddRange(Enumerable.Range(0, count).Select(_ => shape.Length == 1 ? 1f : (random.NextSingle() - 0.5f) / 2));
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray([.. shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(begin, data.Count * sizeof(float)),
            };
        }

        var head = JsonSerializer.SerializeToUtf8Bytes(header);
        using var file = File.Create(Path.Combine(folder, "model.safetensors"));
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, head.Length);
        file.Write(length);
        file.Write(head);
        file.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(data)));
    }

    private static void WriteTokenizer(string folder)
    {
        // GPT-2's printable letter for every byte.
        var vocabulary = new JsonObject();
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var letter = value is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255) ? (char)value : (char)next++;
            vocabulary[letter.ToString()] = value;
        }

        var tokenizer = JsonNode.Parse($$"""
            {
              "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
              "added_tokens": [{"id": {{EndOfText}}, "content": "<|end|>", "single_word": false, "lstrip": false, "rstrip": false,
                                "normalized": false, "special": true}],
              "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
              "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
              "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
                        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "merges": []}
            }
            """)!;
        tokenizer["model"]!["vocab"] = vocabulary;
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString());
    }
}
