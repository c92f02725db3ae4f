namespace RftService.Engine.Models;

/// <summary>
/// Gemma 3, text only: Gemma 2 with normed queries and keys instead of soft caps, five layers with a window to one without, and another
/// rope base for each of the two (Gemma Team 2025, arXiv:2503.19786).
/// </summary>
internal sealed class Gemma3 : IModelFamily
{
    public string Name => "gemma3";

    public string Architecture => "Gemma3ForCausalLM";

    public string ModelType => "gemma3_text";

    public ModelConfig Read(ConfigReader json)
    {
        RopeSpec? local = null;
        var config = DecoderConfig.Read(json, Name, headSize: 256, tied: true, GateFunction.GeluTanh, head =>
        {
            var reader = new RopeReader(json, head, defaultTheta: 1_000_000);
            local = reader.Read(LayerTypes.Sliding, "rope_local_base_freq", 10_000, scaled: false);
            return reader.Read(LayerTypes.Full, "rope_theta", 1_000_000, scaled: true);
        });

        // The pattern was renamed when `layer_types` came; both may be there.
        var pattern = json.Integer("sliding_window_pattern", json.Integer("_sliding_window_pattern", fallback: 6));
        config = Gemma2.Shared(json, config, attentionCap: null, logitCap: null)
            .WithWindow(json, json.OptionalInteger("sliding_window", absent: 4096), layer => (layer + 1) % pattern != 0);
        return config with
        {
            QueryKeyNorm = true,
            Attention = [.. config.Attention.Select(layer => layer.Window is null ? layer : layer with { Rope = local })],
        };
    }
}
