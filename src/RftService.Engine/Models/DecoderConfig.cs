namespace RftService.Engine.Models;

/// <summary>What the config files of all our families share.</summary>
internal static class DecoderConfig
{
    /// <summary>Reads the shape; every layer sees all before it and turns alike. Families change what differs.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="family">Name in the catalog.</param>
    /// <param name="headSize">Head size where `head_dim` is absent; null: hidden size / heads.</param>
    /// <param name="tied">Tying where `tie_word_embeddings` is absent: what transformers takes for the family.</param>
    /// <param name="gate">The gate; any other is refused.</param>
    /// <param name="rope">How the layers turn, from the head size; null: in the usual fields.</param>
    public static ModelConfig Read(
        ConfigReader json, string family, int? headSize = null, bool tied = false, GateFunction gate = GateFunction.Silu, Func<int, RopeSpec>? rope = null)
    {
        string[] gates = gate == GateFunction.Silu ? ["silu", "swish"] : ["gelu_pytorch_tanh"];
        json.Only("hidden_act", gates);
        json.Only("hidden_activation", gates);
        json.Never("quantization_config");
        json.Never("rope_interleaved");

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

        var layer = new LayerAttention(Window: null, rope is null ? new RopeReader(json, head, 10_000).Read() : rope(head));
        return new ModelConfig
        {
            Family = family,
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = json.Integer("intermediate_size"),
            Attention = [.. Enumerable.Repeat(layer, json.Integer("num_hidden_layers", maximum: 1000))],
            QueryHeads = heads,
            KeyHeads = keyHeads,
            HeadSize = head,
            ContextLength = json.Integer("max_position_embeddings"),
            NormEpsilon = json.Positive("rms_norm_eps"),
            Gate = gate,
            TiedEmbeddings = json.Flag("tie_word_embeddings", tied),
        };
    }

    /// <summary>Gives layers their window.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="json">config.json, for `layer_types`.</param>
    /// <param name="window">Null: no layer has one.</param>
    /// <param name="pattern">Which layers have it where `layer_types` is absent.</param>
    public static ModelConfig WithWindow(this ModelConfig config, ConfigReader json, int? window, Func<int, bool> pattern)
    {
        var sliding = LayerTypes.Read(json, config.Layers, window is not null, pattern);
        return config with { Attention = [.. config.Attention.Select((layer, index) => sliding[index] ? layer with { Window = window } : layer)] };
    }

    /// <summary>Qwen's switch: a window that is there may be off, and is off by default; it begins at a layer.</summary>
    public static ModelConfig WithSwitchedWindow(this ModelConfig config, ConfigReader json)
    {
        var on = json.Flag("use_sliding_window", fallback: false);
        var window = json.OptionalInteger("sliding_window", absent: 4096);
        var first = json.Integer("max_window_layers", fallback: 28, minimum: 0);
        return config.WithWindow(json, on ? window : null, layer => layer >= first);
    }
}
