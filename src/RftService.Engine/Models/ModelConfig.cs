namespace RftService.Engine.Models;

/// <summary>The shape of a model, from its config.json. Everything that changes the forward pass is here; what is not understood is refused.</summary>
public sealed record ModelConfig
{
    /// <summary>Name in the catalog, as `llama`.</summary>
    public required string Family { get; init; }

    /// <summary>V.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>D, the width of the hidden states.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the feed-forward blocks.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>L, the number of layers.</summary>
    public required int Layers { get; init; }

    /// <summary>H, the number of query heads.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>K, the number of key and value heads; divides H.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>Width of one head; even.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Longest prompt + completion in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Added under the root of RMS norms.</summary>
    public required double NormEpsilon { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>Stretches the rotary frequencies; null: as they are.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Query, key and value projections have a bias.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>The attention's output projection has a bias.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>The feed-forward projections have a bias.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Queries and keys are RMS-normed per head before rotation.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>The head shares the token embedding.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Reads a folder's config.json.</summary>
    /// <exception cref="ModelFolderException">The file is missing or malformed, or a value is not supported.</exception>
    public static ModelConfig Load(string folder)
    {
        using var json = ConfigReader.Open(folder, "config.json");
        var config = ModelCatalog.Family(json).Read(json);
        json.RefuseUnread();
        return config;
    }
}

/// <summary>How rotary frequencies are stretched for a longer context.</summary>
/// <param name="Factor">Every stretched frequency is divided by it.</param>
/// <param name="LowFrequencyFactor">Llama 3: wavelengths above original / this are stretched whole; null: all are.</param>
/// <param name="HighFrequencyFactor">Llama 3: wavelengths below original / this are left alone.</param>
/// <param name="OriginalContext">Llama 3: the context before stretching.</param>
public sealed record RopeScaling(double Factor, double? LowFrequencyFactor = null, double HighFrequencyFactor = 0, int OriginalContext = 0);
