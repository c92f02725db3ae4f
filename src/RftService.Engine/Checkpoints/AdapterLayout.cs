using RftService.Engine.Models;

namespace RftService.Engine.Checkpoints;

/// <summary>Names and shapes of adapter tensors, as PEFT stores them.</summary>
internal static class AdapterLayout
{
    public const string A = "lora_A.weight";
    public const string B = "lora_B.weight";
    public const string File = "adapter_model.safetensors";

    public static string Name(string linear, string half) => $"base_model.model.{linear}.{half}";

    /// <summary>The linear layers of a model that get adapters, in the model's order.</summary>
    /// <exception cref="InvalidOperationException">A target is no linear layer of this family.</exception>
    public static IReadOnlyList<(string Module, string Name)> Targets(ModelConfig config, LoraSpec lora)
    {
        var all = ModelLayout.Linears(config.FusedProjections);
        if (lora.TargetModules.Contains(LoraSpec.AllLinear))
        {
            return all;
        }

        return lora.TargetModules.FirstOrDefault(target => all.All(linear => linear.Name != target)) is { } unknown
            ? throw new InvalidOperationException(
                $"target_modules: expected some of {string.Join(", ", all.Select(linear => linear.Name))} for {config.Family}, got {unknown}.")
            : [.. all.Where(linear => lora.TargetModules.Contains(linear.Name))];
    }

    /// <summary>All adapter tensors in the order of the layers, A before B.</summary>
    /// <exception cref="InvalidOperationException">A target is no linear layer of this family.</exception>
    public static IReadOnlyList<(string Name, long[] Shape)> Tensors(ModelConfig config, LoraSpec lora)
    {
        var tensors = new List<(string Name, long[] Shape)>();
        var targets = Targets(config, lora);
        for (var layer = 0; layer < config.Layers; layer++)
        {
            foreach (var (module, name) in targets)
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
        var known = ModelCatalog.LoraTargetsOf(config.Family);
        if (lora.TargetModules.FirstOrDefault(target => !known.Contains(target)) is { } foreign)
        {
            throw new ModelFolderException(
                "adapter_config.json", "/target_modules", $"target_modules: expected some of {string.Join(", ", known)}, got {foreign}.", remedy);
        }

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
