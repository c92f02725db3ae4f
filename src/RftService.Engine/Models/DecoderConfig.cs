namespace RftService.Engine.Models;

/// <summary>What the config files of all our families share.</summary>
internal static class DecoderConfig
{
    /// <param name="json">config.json.</param>
    /// <param name="family">Name in the catalog.</param>
    /// <param name="headSize">Head size where `head_dim` is absent; null: hidden size / heads.</param>
    public static ModelConfig Read(ConfigReader json, string family, int? headSize = null)
    {
        json.Only("hidden_act", "silu", "swish");
        json.Never("quantization_config");
        json.FullAttentionOnly();

        var vocabulary = json.Integer("vocab_size");
        var hidden = json.Integer("hidden_size");
        var heads = json.Integer("num_attention_heads");
        var keyHeads = json.Integer("num_key_value_heads", fallback: heads);
        if (heads % keyHeads != 0)
        {
            throw json.Refuse("num_key_value_heads", $"a divisor of the {heads} attention heads", $"{keyHeads}");
        }

        // 0 stands for an absent head_dim where the heads do not divide the hidden size: nothing can be derived.
        var head = json.Integer("head_dim", fallback: headSize ?? (hidden % heads == 0 ? hidden / heads : 0));
        if (head == 0)
        {
            throw json.Refuse("num_attention_heads", $"a divisor of the hidden size {hidden}", $"{heads}");
        }

        if (head % 2 != 0)
        {
            throw json.Refuse("head_dim", "an even head size", $"{head}");
        }

        var (theta, scaling) = json.Rope();
        return new ModelConfig
        {
            Family = family,
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = json.Integer("intermediate_size"),
            Layers = json.Integer("num_hidden_layers", maximum: 1000),
            QueryHeads = heads,
            KeyHeads = keyHeads,
            HeadSize = head,
            ContextLength = json.Integer("max_position_embeddings"),
            NormEpsilon = json.Positive("rms_norm_eps"),
            RopeTheta = theta,
            RopeScaling = scaling,
            TiedEmbeddings = json.Flag("tie_word_embeddings", fallback: false),
        };
    }
}
