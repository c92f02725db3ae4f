using System.Text.Json.Nodes;
using RftService.Engine.Checkpoints;
using RftService.Engine.Models;

namespace RftService.Bench;

/// <summary>A Llama folder with random weights in a shape of the benchmark.</summary>
internal sealed class RandomModel : IDisposable
{
    public static readonly IReadOnlyList<Shape> Shapes =
    [
        new("0.9M", 128, 4, 4, 2, 352, 768),
        new("15M", 384, 6, 6, 2, 1024, 8192),
        new("100M", 768, 12, 12, 4, 2048, 16384),
    ];

    public RandomModel(Shape shape, int context)
    {
        Folder = Directory.CreateTempSubdirectory("rft-bench-").FullName;
        File.WriteAllText(Path.Combine(Folder, "config.json"), new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["hidden_act"] = "silu",
            ["hidden_size"] = shape.Hidden,
            ["intermediate_size"] = shape.Intermediate,
            ["max_position_embeddings"] = context,
            ["num_attention_heads"] = shape.Heads,
            ["num_hidden_layers"] = shape.Layers,
            ["num_key_value_heads"] = shape.KeyHeads,
            ["rms_norm_eps"] = 1e-6,
            ["rope_theta"] = 10000.0,
            ["tie_word_embeddings"] = true,
            ["torch_dtype"] = "float32",
            ["vocab_size"] = shape.Vocabulary,
        }.ToJsonString());

        var random = new Random(1);
        var tensors = ModelLayout.Tensors(ModelConfig.Load(Folder)).ToList();
        using var writer = new SafeTensorsWriter(
            Path.Combine(Folder, "model.safetensors"),
            [.. tensors.Select(tensor => new SafeTensorsEntry(tensor.Name, SafeTensorsDtype.Float32, tensor.Shape))]);
        foreach (var (name, size) in tensors)
        {
            var values = new float[size.Aggregate(1L, (product, length) => product * length)];
            var scale = 1 / MathF.Sqrt(size[^1]);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : scale * ((2 * random.NextSingle()) - 1);
            }

            writer.Write(values);
        }

        writer.Commit();
        Parameters = tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, length) => product * length));
    }

    public string Folder { get; }

    public long Parameters { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    internal sealed record Shape(string Name, int Hidden, int Layers, int Heads, int KeyHeads, int Intermediate, int Vocabulary);
}
