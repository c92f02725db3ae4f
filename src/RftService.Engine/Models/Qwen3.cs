namespace RftService.Engine.Models;

/// <summary>Qwen3, dense: queries and keys are normed per head, no bias by default (Yang et al. 2025, arXiv:2505.09388).</summary>
internal sealed class Qwen3 : IModelFamily
{
    public string Name => "qwen3";

    public string Architecture => "Qwen3ForCausalLM";

    public string ModelType => "qwen3";

    public ModelConfig Read(ConfigReader json)
    {
        var attentionBias = json.Flag("attention_bias", fallback: false);
        return DecoderConfig.Read(json, Name, headSize: 128).WithSwitchedWindow(json) with
        {
            QueryKeyNorm = true,
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
        };
    }
}
