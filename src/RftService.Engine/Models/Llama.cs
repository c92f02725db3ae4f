namespace RftService.Engine.Models;

/// <summary>
/// Llama 2 to 3.2 and what shares their layout, as SmolLM2 (Touvron et al. 2023, arXiv:2302.13971; Dubey et al. 2024, arXiv:2407.21783).
/// </summary>
internal sealed class Llama : IModelFamily
{
    public string Name => "llama";

    public string Architecture => "LlamaForCausalLM";

    public string ModelType => "llama";

    public ModelConfig Read(ConfigReader json)
    {
        var attentionBias = json.Flag("attention_bias", fallback: false);
        json.Never("sliding_window");
        json.Never("use_sliding_window");
        return DecoderConfig.Read(json, Name).WithWindow(json, window: null, _ => false) with
        {
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
            FeedForwardBias = json.Flag("mlp_bias", fallback: false),
        };
    }
}
