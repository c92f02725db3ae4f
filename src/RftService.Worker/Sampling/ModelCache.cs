using Microsoft.Extensions.Options;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Tokenization;
using RftService.Worker.Hosting;

namespace RftService.Worker.Sampling;

/// <summary>Keeps the models that were asked for last loaded, as memory is bounded and loading is slow. For one thread.</summary>
internal sealed class ModelCache(IOptions<WorkerOptions> options)
{
    private readonly LinkedList<LoadedModel> _newestFirst = [];
    private readonly ModelFingerprints _fingerprints = new();

    /// <summary>The models that are loaded.</summary>
    public IReadOnlyCollection<LoadedModel> Loaded => _newestFirst;

    /// <summary>Null while there is no room for it: every loaded model is in use.</summary>
    /// <exception cref="SamplingFault">The model or checkpoint cannot be read.</exception>
    public LoadedModel? Get(ModelKey key)
    {
        var known = _newestFirst.FirstOrDefault(model => model.Key == key);
        if (known is not null)
        {
            _newestFirst.Remove(known);
            _newestFirst.AddFirst(known);
            return known;
        }

        // Room first: the old and the new one together may be more than memory holds.
        while (_newestFirst.Count >= options.Value.CachedModels)
        {
            if (_newestFirst.LastOrDefault(model => model.Batch.Rows == 0) is not { } idle)
            {
                return null;
            }

            idle.Dispose();
            _newestFirst.Remove(idle);
        }

        var loaded = Load(key);
        _newestFirst.AddFirst(loaded);
        return loaded;
    }

    private LoadedModel Load(ModelKey key)
    {
        try
        {
            RequireUnchanged(key);
            // An adapter's tokenizer is its base model's; a whole checkpoint brings its own.
            var tokenizer = Tokenizer.Load(key.CheckpointFolder is null || key.IsAdapter ? key.ModelFolder : key.CheckpointFolder);
            var model = key.CheckpointFolder is null
                ? ModelCatalog.Load(key.ModelFolder, options.Value.Device)
                : ModelCatalog.LoadCheckpoint(key.ModelFolder, key.CheckpointFolder, key.IsAdapter, options.Value.Device);
            return new LoadedModel(key, model, tokenizer, new ContinuousBatch(model, tokenizer, options.Value.MaxBatchRows, fixedWeights: true));
        }
        catch (ModelFolderException fault)
        {
            throw new SamplingFault("model_unreadable", $"{fault.File}: {fault.Message} {fault.Remedy}", fault);
        }
    }

    // As a run does when it starts. A whole checkpoint takes nothing from the base model; one that is loaded is what was checked.
    private void RequireUnchanged(ModelKey key)
    {
        if (key.ModelSha256 is { } expected && (key.CheckpointFolder is null || key.IsAdapter) && _fingerprints.Of(key.ModelFolder) != expected)
        {
            throw new SamplingFault(
                "model_changed",
                "The model's files have changed since it was registered. Put the files back, or register the folder as a new model.");
        }
    }
}

/// <summary>What tells models apart: absolute folders; checkpoints never change once they are published.</summary>
/// <param name="ModelFolder">Of the base model.</param>
/// <param name="CheckpointFolder">Of the checkpoint; null for the base model itself.</param>
/// <param name="IsAdapter">The checkpoint needs the base model.</param>
/// <param name="ModelSha256">Of the base model's weights when it was registered; null: not compared.</param>
internal sealed record ModelKey(string ModelFolder, string? CheckpointFolder, bool IsAdapter, string? ModelSha256);

/// <summary>A model ready to sample from, and what is sampled from it.</summary>
internal sealed record LoadedModel(ModelKey Key, ICausalLm Model, Tokenizer Tokenizer, ContinuousBatch Batch) : IDisposable
{
    public void Dispose()
    {
        Batch.Dispose();
        Model.Dispose();
    }
}
