namespace RftService.Engine.Models;

/// <summary>Mistral 7B and Nemo: Llama with a sliding window in every layer, where it has one (Jiang et al. 2023, arXiv:2310.06825).</summary>
internal sealed class Mistral : IModelFamily
{
    public string Name => "mistral";

    public string Architecture => "MistralForCausalLM";

    public string ModelType => "mistral";

    public ModelConfig Read(ConfigReader json) =>
        DecoderConfig.Read(json, Name).WithWindow(json, json.OptionalInteger("sliding_window", absent: 4096), _ => true);
}
