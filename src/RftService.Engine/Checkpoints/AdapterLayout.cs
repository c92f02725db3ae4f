using RftService.Engine.Models;

namespace RftService.Engine.Checkpoints;

/// <summary>Names and shapes of adapter tensors, as PEFT stores them.</summary>
internal static class AdapterLayout
{
    public const string A = "lora_A.weight";
    public const string B = "lora_B.weight";
    public const string File = "adapter_model.safetensors";

    public static string Name(string linear, string half) => $"base_model.model.{linear}.{half}";

    /// <summary>All adapter tensors in the order of the layers, A before B.</summary>
    /// <exception cref="InvalidOperationException">A target is no linear layer.</exception>
    public static IReadOnlyList<(string Name, long[] Shape)> Tensors(ModelConfig config, LoraSpec lora)
    {
        if (lora.TargetModules.FirstOrDefault(target => ModelLayout.Linears.All(linear => linear.Name != target)) is { } unknown)
        {
            throw new InvalidOperationException(
                $"target_modules: expected some of {string.Join(", ", ModelLayout.Linears.Select(linear => linear.Name))}, got {unknown}.");
        }

        var tensors = new List<(string Name, long[] Shape)>();
        for (var layer = 0; layer < config.Layers; layer++)
        {
            foreach (var (module, name) in ModelLayout.Linears.Where(linear => lora.TargetModules.Contains(linear.Name)))
            {
                var (output, input) = ModelLayout.LinearShape(config, name);
                tensors.Add((Name($"model.layers.{layer}.{module}.{name}", A), [lora.Rank, input]));
                tensors.Add((Name($"model.layers.{layer}.{module}.{name}", B), [output, lora.Rank]));
            }
        }

        return tensors;
    }

    /// <summary>Checks that a file holds exactly the adapters of the spec.</summary>
    /// <exception cref="ModelFolderException">Names the missing, extra or misshaped tensor.</exception>
    public static void Match(ModelConfig config, LoraSpec lora, SafeTensorsFile file)
    {
        const string remedy = "Give the adapter_config.json that belongs to these weights.";
        var expected = Tensors(config, lora);
        foreach (var (name, shape) in expected)
        {
            if (file.Entry(name) is var entry && !entry.Shape.SequenceEqual(shape))
            {
                throw new ModelFolderException(
                    File, name, $"{name}: expected shape [{string.Join(", ", shape)}] by adapter_config.json, got {entry.ShapeText}.", remedy);
            }
        }

        var names = expected.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        if (file.Entries.FirstOrDefault(entry => !names.Contains(entry.Name)) is { } extra)
        {
            throw new ModelFolderException(File, extra.Name, $"adapter_config.json describes no tensor {extra.Name}.", remedy);
        }
    }
}
