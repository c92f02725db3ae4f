using System.Text.Json;
using RftService.Engine.Checkpoints;
using TorchSharp;

namespace RftService.Engine.Models;

/// <summary>Finds every model family of this assembly, and loads models.</summary>
public static class ModelCatalog
{
    private static readonly IReadOnlyList<IModelFamily> All =
    [
        .. typeof(IModelFamily).Assembly.GetTypes()
            .Where(type => type is { IsClass: true, IsAbstract: false } && type.IsAssignableTo(typeof(IModelFamily)))
            .Select(type => (IModelFamily)Activator.CreateInstance(type)!)
            .OrderBy(family => family.Name, StringComparer.Ordinal),
    ];

    /// <summary>Names of the supported families, in order.</summary>
    public static IReadOnlyList<string> Families { get; } = [.. All.Select(family => family.Name)];

    /// <summary>Names that <see cref="LoraSpec.TargetModules"/> may hold: linear layers of some family, or all of them.</summary>
    public static IReadOnlyList<string> LoraTargets { get; } = [LoraSpec.AllLinear, .. ModelLayout.LinearNames];

    /// <summary>The names of <see cref="LoraTargets"/> that a family has.</summary>
    /// <param name="family">Name in the catalog.</param>
    public static IReadOnlyList<string> LoraTargetsOf(string family) =>
        [LoraSpec.AllLinear, .. ModelLayout.Linears(All.Single(known => known.Name == family).FusesProjections).Select(linear => linear.Name)];

    /// <summary>Loads a model in float32, all weights trainable, or with new adapters and the weights frozen.</summary>
    /// <param name="folder">Absolute folder of the model.</param>
    /// <param name="device">`cpu` or `cuda:0`.</param>
    /// <param name="lora">The adapters; they change nothing before they are trained.</param>
    /// <param name="seed">Seed of the adapters.</param>
    /// <param name="freeze">Weights that stay as they are; for a model without adapters.</param>
    /// <exception cref="ModelFolderException">A file is missing, damaged, unsupported, or does not match the others.</exception>
    public static ICausalLm Load(string folder, string device, LoraSpec? lora = null, int seed = 0, FreezeSpec? freeze = null) =>
        Load(folder, device, lora, seed, torch.ScalarType.Float32, freeze);

    /// <summary>Loads a checkpoint: a whole model, or adapters in PEFT's layout on their base.</summary>
    /// <param name="baseFolder">Absolute folder of the base model; not read for a whole model.</param>
    /// <param name="checkpointFolder">Absolute folder of the checkpoint.</param>
    /// <param name="isAdapter">What the checkpoint is.</param>
    /// <param name="device">`cpu` or `cuda:0`.</param>
    /// <exception cref="ModelFolderException">A file is missing, damaged, unsupported, or does not match the others.</exception>
    public static ICausalLm LoadCheckpoint(string baseFolder, string checkpointFolder, bool isAdapter, string device)
    {
        if (!isAdapter)
        {
            return Load(checkpointFolder, device);
        }

        var config = ModelConfig.Load(baseFolder);
        var lora = AdapterConfig.Load(checkpointFolder).ToSpec();
        using var adapters = SafeTensorsFile.Open(Path.Combine(checkpointFolder, AdapterLayout.File));
        AdapterLayout.Match(config, lora, adapters);
        var parameters = ReadParameters(baseFolder, config, device, torch.ScalarType.Float32, lora, seed: 0, freeze: null);
        parameters.ReadAdapters(adapters);
        return new Decoder(config, parameters, torch.device(device));
    }

    internal static ICausalLm Load(
        string folder, string device, LoraSpec? lora, int seed, torch.ScalarType dtype, FreezeSpec? freeze = null)
    {
        var config = ModelConfig.Load(folder);
        return new Decoder(config, ReadParameters(folder, config, device, dtype, lora, seed, freeze), torch.device(device));
    }

    private static ParameterSet ReadParameters(
        string folder, ModelConfig config, string device, torch.ScalarType dtype, LoraSpec? lora, int seed, FreezeSpec? freeze)
    {
        using var weights = SafeTensorsFolder.Open(folder);
        ModelLayout.Match(config, weights);
        return ParameterSet.Read(config, weights, device, dtype, lora, seed, freeze);
    }

    internal static IModelFamily Family(ConfigReader json)
    {
        var root = json.Root;
        if (root.TryGetProperty("architectures", out var list) && list is { ValueKind: JsonValueKind.Array } && list.GetArrayLength() > 0)
        {
            var architecture = list[0].ToString();
            return All.FirstOrDefault(family => family.Architecture == architecture)
                ?? throw json.Refuse("architectures/0", "one of " + string.Join(", ", All.Select(family => family.Architecture)), architecture);
        }

        var type = root.TryGetProperty("model_type", out var value) ? value.ToString() : "nothing";
        return All.FirstOrDefault(family => family.ModelType == type)
            ?? throw json.Refuse("model_type", "one of " + string.Join(", ", All.Select(family => family.ModelType)), type);
    }
}
