using System.Text.Json.Nodes;
using RftService.Engine.Checkpoints;

namespace RftService.Quickstart.Pretraining;

/// <summary>A Llama with random weights: where the base model starts. The numbers follow from the seed on every machine.</summary>
internal static class UntrainedModel
{
    private const int Hidden = 128;
    private const int Layers = 4;
    private const int Heads = 4;
    private const int KeyValueHeads = 2;
    private const int HeadDim = Hidden / Heads;
    private const int Intermediate = 352;
    private const int Context = 256;

    public static void Write(string folder, int vocabulary, int begin, int end, int seed)
    {
        TokenizerFiles.Write(folder, "config.json", new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["vocab_size"] = vocabulary,
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Intermediate,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KeyValueHeads,
            ["head_dim"] = HeadDim,
            ["max_position_embeddings"] = Context,
            ["hidden_act"] = "silu",
            ["rms_norm_eps"] = 1e-6,
            ["rope_theta"] = 10000.0,
            ["rope_scaling"] = null,
            ["attention_bias"] = false,
            ["mlp_bias"] = false,
            ["attention_dropout"] = 0.0,
            ["initializer_range"] = 0.02,
            ["tie_word_embeddings"] = true,
            ["bos_token_id"] = begin,
            ["eos_token_id"] = end,
            ["torch_dtype"] = "float32",
            ["use_cache"] = true,
        });

        var parameters = Parameters(vocabulary).ToList();
        using var writer = new SafeTensorsWriter(
            Path.Combine(folder, "model.safetensors"),
            [.. parameters.Select(parameter => new SafeTensorsEntry(parameter.Name, SafeTensorsDtype.Float32, parameter.Shape))]);
        var random = new Random(seed); // a given seed keeps its series over .NET versions
        foreach (var (_, shape, deviation) in parameters)
        {
            var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = deviation is { } std ? (float)(std * Normal(random)) : 1;
            }

            writer.Write(values);
        }

        writer.Commit();
    }

    // Matrices are normal with 1/√fan-in, those that write to the residual stream smaller (GPT-2); norms start at 1.
    private static IEnumerable<(string Name, long[] Shape, double? Deviation)> Parameters(int vocabulary)
    {
        yield return ("model.embed_tokens.weight", [vocabulary, Hidden], 0.04);
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            var residual = 1 / Math.Sqrt(2 * Layers);
            yield return (prefix + "input_layernorm.weight", [Hidden], null);
            yield return (prefix + "self_attn.q_proj.weight", [Heads * HeadDim, Hidden], Scale(Hidden));
            yield return (prefix + "self_attn.k_proj.weight", [KeyValueHeads * HeadDim, Hidden], Scale(Hidden));
            yield return (prefix + "self_attn.v_proj.weight", [KeyValueHeads * HeadDim, Hidden], Scale(Hidden));
            yield return (prefix + "self_attn.o_proj.weight", [Hidden, Heads * HeadDim], Scale(Hidden) * residual);
            yield return (prefix + "post_attention_layernorm.weight", [Hidden], null);
            yield return (prefix + "mlp.gate_proj.weight", [Intermediate, Hidden], Scale(Hidden));
            yield return (prefix + "mlp.up_proj.weight", [Intermediate, Hidden], Scale(Hidden));
            yield return (prefix + "mlp.down_proj.weight", [Hidden, Intermediate], Scale(Intermediate) * residual);
        }

        yield return ("model.norm.weight", [Hidden], null);
    }

    private static double Scale(int fanIn) => 1 / Math.Sqrt(fanIn);

    // Box and Muller 1958.
    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
