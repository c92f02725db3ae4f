namespace RftService.Engine.Models;

/// <summary>
/// Gemma 2: norms of 1 + w before and behind each block, soft caps, scaled embeddings, and a window in every other layer
/// (Gemma Team 2024, arXiv:2408.00118).
/// </summary>
internal sealed class Gemma2 : IModelFamily
{
    public string Name => "gemma2";

    public string Architecture => "Gemma2ForCausalLM";

    public string ModelType => "gemma2";

    public ModelConfig Read(ConfigReader json)
    {
        var config = DecoderConfig.Read(json, Name, headSize: 256, tied: true, GateFunction.GeluTanh);
        return Shared(json, config, attentionCap: 50, logitCap: 30)
            .WithWindow(json, json.OptionalInteger("sliding_window", absent: 4096), layer => layer % 2 == 0);
    }

    /// <summary>What Gemma 2 and 3 have in common.</summary>
    public static ModelConfig Shared(ConfigReader json, ModelConfig config, double? attentionCap, double? logitCap)
    {
        json.Never("use_bidirectional_attention");
        var attentionBias = json.Flag("attention_bias", fallback: false);
        return config with
        {
            NormOffset = true,
            PostNorms = true,
            EmbeddingScale = Math.Sqrt(config.HiddenSize),
            AttentionScale = 1 / Math.Sqrt(json.Positive("query_pre_attn_scalar", fallback: 256)),
            AttentionSoftCap = json.Optional("attn_logit_softcapping", attentionCap),
            LogitSoftCap = json.Optional("final_logit_softcapping", logitCap),
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
        };
    }
}
