using System.Text.Json;

namespace RftService.Engine.Models;

/// <summary>SmolLM3: Llama with layers that do not turn, every fourth by default (Yang et al. 2025, arXiv:2501.18795).</summary>
internal sealed class SmolLm3 : IModelFamily
{
    public string Name => "smollm3";

    public string Architecture => "SmolLM3ForCausalLM";

    public string ModelType => "smollm3";

    public ModelConfig Read(ConfigReader json)
    {
        var attentionBias = json.Flag("attention_bias", fallback: false);
        var config = DecoderConfig.Read(json, Name, tied: true, rope: head => new RopeReader(json, head, defaultTheta: 2_000_000).Read());
        var turns = Turns(json, config.Layers);
        var window = json.Flag("use_sliding_window", fallback: false) ? json.OptionalInteger("sliding_window", absent: null) : null;
        _ = json.Take("sliding_window"); // it may be there, switched off
        config = config.WithWindow(json, window, layer => !turns[layer]);
        return config with
        {
            Attention = [.. config.Attention.Select((layer, index) => turns[index] ? layer : layer with { Rope = null })],
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
            FeedForwardBias = json.Flag("mlp_bias", fallback: false),
        };
    }

    // The field's name says the opposite: 1 marks a layer that turns.
    private static bool[] Turns(ConfigReader json, int layers)
    {
        if (json.Take("no_rope_layers") is not { } list)
        {
            var interval = json.Integer("no_rope_layer_interval", fallback: 4);
            return [.. Enumerable.Range(1, layers).Select(layer => layer % interval != 0)];
        }

        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() < layers)
        {
            throw json.Refuse("no_rope_layers", $"a list of {layers}", list.GetRawText());
        }

        return
        [
            .. list.EnumerateArray().Take(layers).Select((item, layer) => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var flag) && flag is 0 or 1
                ? flag == 1
                : throw json.Refuse($"no_rope_layers/{layer}", "0 or 1", item.GetRawText())),
        ];
    }
}
