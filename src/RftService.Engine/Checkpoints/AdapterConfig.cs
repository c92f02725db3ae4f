using System.Text.Json;
using System.Text.Json.Nodes;
using RftService.Engine.Models;

namespace RftService.Engine.Checkpoints;

/// <summary>adapter_config.json in PEFT's layout.</summary>
public sealed record AdapterConfig
{
    private const string FileName = "adapter_config.json";

    // Fields that would change the maths, with the one value that leaves it alone; any other is refused.
    private static readonly (string Name, string[] Neutral)[] MustBeNeutral =
    [
        ("bias", ["\"none\""]), ("use_dora", ["false"]), ("fan_in_fan_out", ["false"]), ("modules_to_save", ["[]"]),
        ("rank_pattern", ["{}"]), ("alpha_pattern", ["{}"]), ("layers_to_transform", []), ("layers_pattern", []), ("lora_bias", ["false"]),
        ("exclude_modules", ["[]"]), ("layer_replication", []), ("trainable_token_indices", []), ("megatron_config", []), ("target_parameters", ["[]"]),
    ];

    /// <summary>r.</summary>
    public required int Rank { get; init; }

    /// <summary>Scale numerator.</summary>
    public required double Alpha { get; init; }

    /// <summary>Share of the adapters' inputs that training leaves out; kept for whoever trains on.</summary>
    public double Dropout { get; init; }

    /// <summary>Scaled by alpha / √r.</summary>
    public bool RankStabilized { get; init; }

    /// <summary>Names of the adapted layers.</summary>
    public required IReadOnlyList<string> TargetModules { get; init; }

    /// <summary>What the adapter belongs to: a name, for people.</summary>
    public string? BaseModel { get; init; }

    /// <summary>The config of adapters with this spec on this model.</summary>
    public static AdapterConfig From(LoraSpec lora, ModelConfig model, string? baseModel) => new()
    {
        Rank = lora.Rank,
        Alpha = lora.Alpha,
        Dropout = lora.Dropout,
        RankStabilized = lora.RankStabilized,
        TargetModules = [.. AdapterLayout.Targets(model, lora).Select(linear => linear.Name)],
        BaseModel = baseModel,
    };

    /// <summary>The spec of the adapters.</summary>
    public LoraSpec ToSpec() =>
        new() { Rank = Rank, Alpha = Alpha, Dropout = Dropout, RankStabilized = RankStabilized, TargetModules = TargetModules };

    /// <summary>Reads the file of a checkpoint folder.</summary>
    /// <exception cref="ModelFolderException">The file is missing or malformed, or asks for more than plain LoRA.</exception>
    public static AdapterConfig Load(string folder)
    {
        using var json = ConfigReader.Open(folder, FileName);
        json.Only("peft_type", "LORA");
        json.Only("task_type", "CAUSAL_LM");
        foreach (var (name, neutral) in MustBeNeutral)
        {
            if (json.Root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null && !neutral.Contains(value.GetRawText()))
            {
                throw json.Refuse(name, neutral.Length == 0 ? "null" : neutral[0], value.GetRawText());
            }
        }

        return new AdapterConfig
        {
            Rank = json.Integer("r", maximum: 4096),
            Alpha = json.Positive("lora_alpha"),
            Dropout = json.Root.TryGetProperty("lora_dropout", out var dropout) && dropout.ValueKind == JsonValueKind.Number ? dropout.GetDouble() : 0,
            RankStabilized = json.Flag("use_rslora", fallback: false),
            TargetModules = Targets(json),
            BaseModel = json.Root.TryGetProperty("base_model_name_or_path", out var model) ? model.ToString() : null,
        };
    }

    /// <summary>Writes the file into a checkpoint folder.</summary>
    public void Save(string folder)
    {
        var json = new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = "CAUSAL_LM",
            ["base_model_name_or_path"] = BaseModel,
            ["r"] = Rank,
            ["lora_alpha"] = Alpha,
            ["lora_dropout"] = Dropout,
            ["target_modules"] = new JsonArray([.. TargetModules.Select(name => JsonValue.Create(name))]),
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["modules_to_save"] = null,
            ["use_rslora"] = RankStabilized,
            ["use_dora"] = false,
        };
        File.WriteAllText(Path.Combine(folder, FileName), json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    }

    // A list of names, or PEFT's word for all; its regular expressions are refused.
    private static string[] Targets(ConfigReader json)
    {
        var found = json.Take("target_modules");
        if (found is { ValueKind: JsonValueKind.String } word && word.GetString() == LoraSpec.AllLinear)
        {
            return [LoraSpec.AllLinear];
        }

        var known = ModelCatalog.LoraTargets;
        if (found is not { ValueKind: JsonValueKind.Array } list || list.GetArrayLength() == 0)
        {
            throw json.Refuse("target_modules", $"{LoraSpec.AllLinear} or a list of layer names", found?.GetRawText() ?? "nothing");
        }

        return
        [
            .. list.EnumerateArray().Select((target, index) => known.Contains(target.ToString())
                ? target.ToString()
                : throw json.Refuse($"target_modules/{index}", "one of " + string.Join(", ", known), target.GetRawText())),
        ];
    }
}
