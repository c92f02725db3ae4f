using System.Text.Json;

namespace RftService.Engine.Models;

/// <summary>
/// Reads a config file strictly: each value is checked, and a field that nobody asked for is refused unless it is known not to change
/// the forward pass. A model trained with one wrong assumption would look fine and be worthless.
/// </summary>
internal sealed class ConfigReader : IDisposable
{
    // Fields that describe history, special tokens (the tokenizer reads them), generation defaults or training-time dropout.
    private static readonly HashSet<string> Harmless =
    [
        "architectures", "model_type", "torch_dtype", "dtype", "transformers_version", "use_cache", "initializer_range", "bos_token_id", "eos_token_id",
        "pad_token_id", "unk_token_id", "attention_dropout", "pretraining_tp", "_name_or_path", "_attn_implementation_autoset", "max_window_layers",
        "return_dict", "output_hidden_states", "output_attentions", "max_length", "unsloth_fixed", "unsloth_version", "_from_model_config", "id2label",
        "label2id", "problem_type", "task_specific_params", "name_or_path", "is_llama_config", "pad_token", "eos_token",
    ];

    private readonly JsonDocument _document;
    private readonly string _file;
    private readonly HashSet<string> _read = [];

    private ConfigReader(JsonDocument document, string file)
    {
        _document = document;
        _file = file;
    }

    public JsonElement Root => _document.RootElement;

    public static ConfigReader Open(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        if (!File.Exists(path))
        {
            throw new ModelFolderException(file, "", $"{file} is missing.", "Give a whole Hugging Face model folder.");
        }

        try
        {
            var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigReader(document, file)
                : throw new ModelFolderException(file, "", $"expected a JSON object, got {document.RootElement.ValueKind}", "Use the model's own file.");
        }
        catch (JsonException malformed)
        {
            throw new ModelFolderException(file, "", $"{file} is no JSON: {malformed.Message}", "Use the model's own file.", malformed);
        }
    }

    public int Integer(string name, int? fallback = null, int minimum = 1, int maximum = 1 << 24) =>
        Take(name) is not { } value ? fallback ?? throw Refuse(name, "a number", "nothing")
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= minimum && number <= maximum ? number
        : throw Refuse(name, $"an integer from {minimum} to {maximum}", value.GetRawText());

    public double Positive(string name, double? fallback = null) => Positive(Root, name, name, fallback);

    public bool Flag(string name, bool fallback) => Take(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw Refuse(name, "true or false", other.GetRawText()),
    };

    /// <summary>Refuses the field when it is there with any other text.</summary>
    public void Only(string name, params string[] allowed)
    {
        if (Take(name) is { } value && !(value.ValueKind == JsonValueKind.String && allowed.Contains(value.GetString())))
        {
            throw Refuse(name, string.Join(" or ", allowed), value.GetRawText());
        }
    }

    /// <summary>Refuses the field when it is there and set.</summary>
    public void Never(string name)
    {
        if (Take(name) is { } value && value.ValueKind != JsonValueKind.False)
        {
            throw Refuse(name, "null or nothing", value.GetRawText());
        }
    }

    /// <summary>Refuses window attention: every layer must see the whole context.</summary>
    public void FullAttentionOnly()
    {
        // Qwen configs carry a window that is switched off.
        if (Flag("use_sliding_window", Take("sliding_window") is not null && !Root.TryGetProperty("use_sliding_window", out _)))
        {
            throw Refuse("sliding_window", "no sliding window", "a sliding window");
        }

        if (Take("layer_types") is { } types)
        {
            if (types.ValueKind != JsonValueKind.Array)
            {
                throw Refuse("layer_types", "a list", types.GetRawText());
            }

            foreach (var (index, type) in types.EnumerateArray().Index())
            {
                if (type.ValueKind != JsonValueKind.String || type.GetString() != "full_attention")
                {
                    throw Refuse($"layer_types/{index}", "full_attention", type.GetRawText());
                }
            }
        }
    }

    /// <summary>Base and stretching of the rotary frequencies, in the old fields or the newer `rope_parameters`.</summary>
    public (double Theta, RopeScaling? Scaling) Rope()
    {
        var place = Take("rope_parameters") is not null ? "rope_parameters" : "rope_scaling";
        var parameters = Take(place);
        if (parameters is { ValueKind: not JsonValueKind.Object } other)
        {
            throw Refuse(place, "an object or null", other.GetRawText());
        }

        double? inner = place == "rope_parameters" ? Positive(parameters!.Value, "rope_theta", place + "/rope_theta", double.NaN) : null;
        var theta = Positive("rope_theta", inner is { } given && !double.IsNaN(given) ? given : 10_000);
        return (theta, parameters is { } scaling ? Scaling(scaling, place) : null);
    }

    /// <summary>Refuses what nobody asked for.</summary>
    public void RefuseUnread()
    {
        foreach (var member in Root.EnumerateObject())
        {
            if (!_read.Contains(member.Name) && !Harmless.Contains(member.Name) && member.Value.ValueKind != JsonValueKind.Null)
            {
                throw new ModelFolderException(
                    _file,
                    "/" + member.Name,
                    $"The field {member.Name} is not understood; it may change what the model computes.",
                    "Use a plain model of a supported family; remove the field if it is only a note.");
            }
        }
    }

    public ModelFolderException Refuse(string place, string expected, string found) =>
        new(_file, "/" + place, $"{place}: expected {expected}, got {(found.Length > 100 ? found[..100] : found)}.", "Use a plain model of a supported family.");

    public void Dispose() => _document.Dispose();

    // null for a field that is absent or null.
    private JsonElement? Take(string name)
    {
        _read.Add(name);
        return Root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    private double Positive(JsonElement holder, string name, string place, double? fallback)
    {
        _read.Add(name);
        if (!holder.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return fallback ?? throw Refuse(place, "a number", "nothing");
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && double.IsFinite(number)
            ? number
            : throw Refuse(place, "a number above 0", value.GetRawText());
    }

    private RopeScaling? Scaling(JsonElement scaling, string place)
    {
        // "type" is the older spelling of "rope_type".
        var name = scaling.TryGetProperty("rope_type", out var type) || scaling.TryGetProperty("type", out type) ? type.ToString() : "nothing";
        string[] known = name switch
        {
            "default" => [],
            "linear" => ["factor"],
            "llama3" => ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
            _ => throw Refuse(place + "/rope_type", "default, linear or llama3", name),
        };
        foreach (var member in scaling.EnumerateObject())
        {
            if (!known.Contains(member.Name) && member.Name is not ("rope_type" or "type" or "rope_theta"))
            {
                throw Refuse($"{place}/{member.Name}", $"no such field for {name}", member.Value.GetRawText());
            }
        }

        double Value(string field) => Positive(scaling, field, $"{place}/{field}", fallback: null);
        return name switch
        {
            "linear" => new RopeScaling(Value("factor")),
            "llama3" => new RopeScaling(
                Value("factor"), Value("low_freq_factor"), Value("high_freq_factor"), (int)Value("original_max_position_embeddings")),
            _ => null,
        };
    }
}
