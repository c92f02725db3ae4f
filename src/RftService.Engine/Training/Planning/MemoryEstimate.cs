using RftService.Engine.Models;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training.Planning;

/// <summary>Bytes that a run needs at its peak, by part. Checked against measurements by `tests/Bench -- estimate`.</summary>
public sealed record MemoryEstimate
{
    /// <summary>Of the program and its libraries before any model is loaded.</summary>
    private const long Program = 250_000_000;

    /// <summary>Positions whose logits lie in memory at once, see <see cref="LmHead"/>.</summary>
    private const long HeadElements = 32 * 1024 * 1024;

    // What the heap holds beyond what is asked of it while tensors come and go, as it usually is and when it returns large blocks.
    private const double UsualSlack = 1.2;
    private const double ReturningSlack = 1.15;

    /// <summary>Weights in float32, adapters among them.</summary>
    public required long Weights { get; init; }

    /// <summary>Gradients of what is trained.</summary>
    public required long Gradients { get; init; }

    /// <summary>What the optimizer keeps between steps.</summary>
    public required long Optimizer { get; init; }

    /// <summary>A second copy of the weights, where the rule compares with the frozen model and no adapter can be switched off.</summary>
    public required long Reference { get; init; }

    /// <summary>What the layers keep of a micro-batch for the way back.</summary>
    public required long Activations { get; init; }

    /// <summary>Logits of a chunk and what is made of them.</summary>
    public required long Head { get; init; }

    /// <summary>Keys and values of the completions that are sampled at once; kept from step to step.</summary>
    public required long KeyValueCache { get; init; }

    /// <summary>The program and its libraries.</summary>
    public required long Runtime { get; init; }

    /// <summary>All that is there at once where it is most.</summary>
    public long Peak => Runtime + Weights + Gradients + Optimizer + Reference + Activations + Head + KeyValueCache;

    /// <summary>Estimates a run in float32.</summary>
    public static MemoryEstimate Of(ModelConfig config, Recipe recipe, RunLengths lengths)
    {
        var size = ModelSize.Of(config, recipe);
        long row = lengths.LongPrompt + lengths.LongCompletion;
        var positions = Math.Max(row, Math.Min(recipe.MicroBatchTokens, lengths.Rows * row));
        var predicted = Math.Max(1, positions * lengths.LongCompletion / row);
        var chunk = Math.Min(predicted, Math.Max(64, HeadElements / config.VocabularySize));
        var inputs = 4 * positions * config.HiddenSize * config.Layers;
        var layer = 4 * positions * size.LayerActivations;

        // On the way back a layer's gradients are there beside what it has kept: as much again as its widest part.
        var way = 4 * positions * ((2L * config.IntermediateSize) + (2L * config.HiddenSize));
        return new MemoryEstimate
        {
            Weights = 4 * size.Parameters,
            Gradients = 4 * size.TrainedParameters,
            Optimizer = size.Trained.Sum(recipe.Optimizer.StateBytes),
            Reference = lengths.NeedsReference && recipe.Lora is null ? 4 * size.BaseParameters : 0,
            Activations = (long)((recipe.RecomputeActivations ? ReturningSlack : UsualSlack) * ((recipe.RecomputeActivations ? inputs + layer : config.Layers * layer) + way)),
            // Logits, which become the softmax; a soft cap keeps them as they were before it too.
            Head = (long)(ReturningSlack * (((config.LogitSoftCap is null ? 1 : 2) * 4 * chunk * config.VocabularySize) + (3 * 4 * predicted * config.HiddenSize))),
            KeyValueCache = lengths.Samples ? Math.Min(2L << 30, Math.Min(512, lengths.Rows) * KvCache.BlocksFor((int)row) * KvCache.BytesPerBlock(config)) : 0,
            Runtime = Program,
        };
    }
}
