using RftService.Engine.Checkpoints;

namespace RftService.Engine.Models;

/// <summary>Names and shapes of a model's tensors: Hugging Face's, in the order of its modules. The one place that knows them.</summary>
internal static class ModelLayout
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string Head = "lm_head.weight";
    public const string FinalNorm = "model.norm.weight";

    private static readonly (string Module, string Name)[] Separate =
    [
        ("self_attn", "q_proj"), ("self_attn", "k_proj"), ("self_attn", "v_proj"), ("self_attn", "o_proj"),
        ("mlp", "gate_proj"), ("mlp", "up_proj"), ("mlp", "down_proj"),
    ];

    private static readonly (string Module, string Name)[] Fused =
        [("self_attn", "qkv_proj"), ("self_attn", "o_proj"), ("mlp", "gate_up_proj"), ("mlp", "down_proj")];

    /// <summary>Names of the linear layers of a block, as LoRA targets them, with the module they lie in.</summary>
    public static IReadOnlyList<(string Module, string Name)> Linears(bool fused) => fused ? Fused : Separate;

    /// <summary>Names of the linear layers of any family.</summary>
    public static IReadOnlyList<string> LinearNames { get; } = [.. Separate.Concat(Fused).Select(linear => linear.Name).Distinct()];

    /// <summary>All tensors of a model; a tied matrix once, as the embedding.</summary>
    public static IReadOnlyList<(string Name, long[] Shape)> Tensors(ModelConfig config)
    {
        var tensors = new List<(string Name, long[] Shape)> { (Embedding, [config.VocabularySize, config.HiddenSize]) };
        for (var layer = 0; layer < config.Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            foreach (var (module, name) in Linears(config.FusedProjections))
            {
                var (output, input) = LinearShape(config, name);
                tensors.Add(($"{prefix}{module}.{name}.weight", [output, input]));
                if (HasBias(config, name))
                {
                    tensors.Add(($"{prefix}{module}.{name}.bias", [output]));
                }
            }

            tensors.AddRange(Norms(config).Select(norm => ($"{prefix}{norm.Name}.weight", new long[] { norm.Size })));
        }

        tensors.Add((FinalNorm, [config.HiddenSize]));
        if (!config.TiedEmbeddings)
        {
            tensors.Add((Head, [config.VocabularySize, config.HiddenSize]));
        }

        return tensors;
    }

    /// <summary>Outputs and inputs of a linear layer.</summary>
    public static (long Output, long Input) LinearShape(ModelConfig config, string name)
    {
        long query = (long)config.QueryHeads * config.HeadSize, key = (long)config.KeyHeads * config.HeadSize;
        return name switch
        {
            "q_proj" => (query, config.HiddenSize),
            "k_proj" or "v_proj" => (key, config.HiddenSize),
            "qkv_proj" => (query + (2 * key), config.HiddenSize),
            "o_proj" => (config.HiddenSize, query),
            "gate_proj" or "up_proj" => (config.IntermediateSize, config.HiddenSize),
            "gate_up_proj" => (2L * config.IntermediateSize, config.HiddenSize),
            "down_proj" => (config.HiddenSize, config.IntermediateSize),
            _ => throw new InvalidOperationException($"no linear layer is called {name}"),
        };
    }

    private static IEnumerable<(string Name, long Size)> Norms(ModelConfig config)
    {
        if (config.QueryKeyNorm)
        {
            yield return ("self_attn.q_norm", config.HeadSize);
            yield return ("self_attn.k_norm", config.HeadSize);
        }

        yield return ("input_layernorm", config.HiddenSize);
        yield return ("post_attention_layernorm", config.HiddenSize);
        if (config.PostNorms)
        {
            yield return ("pre_feedforward_layernorm", config.HiddenSize);
            yield return ("post_feedforward_layernorm", config.HiddenSize);
        }
    }

    private static bool HasBias(ModelConfig config, string name) => name switch
    {
        "q_proj" or "k_proj" or "v_proj" or "qkv_proj" => config.QueryKeyValueBias,
        "o_proj" => config.AttentionOutputBias,
        _ => config.FeedForwardBias,
    };

    /// <summary>The stored name of a tensor: a tied matrix may lie in the file under the head's name only.</summary>
    public static string Stored(SafeTensorsFolder weights, string name) =>
        name == Embedding && !weights.Contains(Embedding) && weights.Contains(Head) ? Head : name;

    /// <summary>Checks that the weights are exactly those of the config.</summary>
    /// <exception cref="ModelFolderException">Names the missing, extra or misshaped tensor.</exception>
    public static void Match(ModelConfig config, SafeTensorsFolder weights)
    {
        const string remedy = "Give the config.json that belongs to these weights.";
        var expected = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, shape) in Tensors(config))
        {
            var stored = config.TiedEmbeddings ? Stored(weights, name) : name;
            expected.Add(stored);
            var entry = weights.Entry(stored);
            if (!entry.Shape.SequenceEqual(shape))
            {
                throw new ModelFolderException(
                    weights.FileOf(stored), stored, $"{stored}: expected shape [{string.Join(", ", shape)}] by config.json, got {entry.ShapeText}.", remedy);
            }
        }

        foreach (var entry in weights.Entries)
        {
            var bothOfTied = config.TiedEmbeddings && entry.Name == Head;
            // Old Llama files carry the rotary table, which follows from the config.
            if (!expected.Contains(entry.Name) && !bothOfTied && !entry.Name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal))
            {
                throw new ModelFolderException(
                    weights.FileOf(entry.Name), entry.Name, $"config.json describes no tensor {entry.Name}.", remedy);
            }

            if (bothOfTied && expected.Contains(Embedding) && !SameElements(weights))
            {
                throw new ModelFolderException(
                    weights.FileOf(Head), Head, "lm_head.weight differs from the embedding, but config.json says that they are tied.", remedy);
            }
        }
    }

    private static bool SameElements(SafeTensorsFolder weights)
    {
        var (embedding, head) = (weights.Entry(Embedding), weights.Entry(Head));
        if (!embedding.Shape.SequenceEqual(head.Shape))
        {
            return false;
        }

        var (left, right) = (new float[1 << 16], new float[1 << 16]);
        for (var first = 0L; first < embedding.Elements; first += left.Length)
        {
            var count = (int)Math.Min(left.Length, embedding.Elements - first);
            weights.CopyTo(Embedding, first, left.AsSpan(0, count));
            weights.CopyTo(Head, first, right.AsSpan(0, count));
            if (!left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)))
            {
                return false;
            }
        }

        return true;
    }
}
