using RftService.Engine.Checkpoints;
using RftService.Engine.Models;

namespace RftService.Engine.Training.Planning;

/// <summary>Counts that memory and time follow from.</summary>
internal sealed record ModelSize
{
    private ModelSize(ModelConfig config, Recipe recipe)
    {
        var tensors = ModelLayout.Tensors(config);
        var adapters = recipe.Lora is { } lora ? AdapterLayout.Tensors(config, lora) : [];
        Parameters = tensors.Concat(adapters).Sum(tensor => Elements(tensor.Shape));
        BaseParameters = tensors.Sum(tensor => Elements(tensor.Shape));
        Trained = recipe.Lora is not null ? [.. adapters.Select(tensor => tensor.Shape)]
            : [.. tensors.Where(tensor => recipe.Freeze?.Holds(tensor.Name) != true).Select(tensor => tensor.Shape)];
        TrainedParameters = Trained.Sum(Elements);
        LinearParameters = tensors.Concat(adapters).Where(tensor => tensor.Shape.Length == 2 && tensor.Name is not (ModelLayout.Embedding or ModelLayout.Head))
            .Sum(tensor => Elements(tensor.Shape));
        HeadParameters = (long)config.VocabularySize * config.HiddenSize;

        long hidden = config.HiddenSize, query = (long)config.QueryHeads * config.HeadSize, key = (long)config.KeyHeads * config.HeadSize;
        var norms = config.PostNorms ? 4 : 2;
        var dropped = recipe.Lora is { Dropout: > 0 } ? (5 * hidden) + query + config.IntermediateSize : 0; // a mask of each input
        // Kept for the way back: of a norm its input and output; queries and their mix, keys and values; gate, up, their product, and what torch keeps
        // beside them where it finds the gradient of the gate.
        LayerActivations = (2 * norms * hidden) + (2 * (query + key)) + ((config.Gate == GateFunction.Silu ? 3L : 5L) * config.IntermediateSize)
            + dropped + (config.QueryKeyNorm ? query + key : 0);
    }

    /// <summary>All weights, adapters among them.</summary>
    public long Parameters { get; }

    /// <summary>Without adapters.</summary>
    public long BaseParameters { get; }

    public IReadOnlyList<long[]> Trained { get; }

    public long TrainedParameters { get; }

    /// <summary>Of the matrices that each position goes through, the head left out.</summary>
    public long LinearParameters { get; }

    /// <summary>V · D.</summary>
    public long HeadParameters { get; }

    /// <summary>Numbers that a layer keeps for each position until the way back.</summary>
    public long LayerActivations { get; }

    public static ModelSize Of(ModelConfig config, Recipe recipe) => new(config, recipe);

    private static long Elements(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
