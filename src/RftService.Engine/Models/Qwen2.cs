namespace RftService.Engine.Models;

/// <summary>Qwen2 and Qwen2.5: Llama with a bias on queries, keys and values (Yang et al. 2024, arXiv:2407.10671).</summary>
internal sealed class Qwen2 : IModelFamily
{
    public string Name => "qwen2";

    public string Architecture => "Qwen2ForCausalLM";

    public string ModelType => "qwen2";

    public ModelConfig Read(ConfigReader json)
    {
        json.Never("use_mrope");
        return DecoderConfig.Read(json, Name).WithSwitchedWindow(json) with { QueryKeyValueBias = true };
    }
}
