using RftService.Engine.Models;
using RftService.Engine.Tokenization;

namespace RftService.Engine.Rollouts;

/// <summary>Samples completions of prompts from a model, many rows at once. Synchronous: when a call returns, all is done.</summary>
/// <param name="model">The policy; its weights may change between calls.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="maxRows">Completions sampled at once.</param>
/// <param name="maxCacheBytes">Memory for keys and values, kept between calls; fewer rows are sampled at once where they could need more.</param>
public sealed class Sampler(ICausalLm model, Tokenizer tokenizer, int maxRows = 512, long maxCacheBytes = 2L << 30) : IDisposable
{
    private readonly ContinuousBatch _batch = new(model, tokenizer, maxRows, maxCacheBytes);

    /// <summary>Positions of prompts that were computed so far.</summary>
    public long ComputedPromptTokens => _batch.ComputedPromptTokens;

    /// <summary>Positions of prompts that were not, because another prompt of the same call begins alike.</summary>
    public long ReusedPromptTokens => _batch.ReusedPromptTokens;

    /// <summary>
    /// Samples a group for every prompt. A completion depends on the seed, its prompt's index, its index in the group and the prompt, not on
    /// what is sampled beside it (up to rounding, which depends on shapes).
    /// </summary>
    /// <param name="prompts">Token ids, one list a prompt, none empty.</param>
    /// <param name="groupSize">G.</param>
    /// <param name="spec">How to sample.</param>
    /// <param name="seed">Seed of this call.</param>
    /// <param name="cancellation">Looked at before every token.</param>
    /// <param name="onPiece">Gets new text as it comes.</param>
    /// <returns>One group a prompt, in order.</returns>
    /// <exception cref="TrainingException">A prompt is empty or leaves no room in the model's context.</exception>
    public IReadOnlyList<IReadOnlyList<Rollout>> Sample(
        IReadOnlyList<int[]> prompts,
        int groupSize,
        SamplingSpec spec,
        ulong seed,
        CancellationToken cancellation,
        Action<SampledPiece>? onPiece = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(spec);
        var groups = new IReadOnlyList<Rollout>[prompts.Count];
        try
        {
            // Prompts of like length are computed together, so that little is padded.
            foreach (var index in Enumerable.Range(0, prompts.Count).OrderBy(index => prompts[index].Length))
            {
                _batch.Add(new GroupRequest
                {
                    Prompt = prompts[index],
                    GroupSize = groupSize,
                    Spec = spec,
                    Seed = seed,
                    Index = index,
                    OnPiece = onPiece is null ? null : (sample, text) => onPiece(new SampledPiece(index, sample, text)),
                    OnDone = group => groups[index] = group,
                });
            }

            do
            {
                cancellation.ThrowIfCancellationRequested();
            }
            while (_batch.Step());
        }
        finally
        {
            _batch.Clear(); // what a cancellation has left
        }

        return groups;
    }

    /// <inheritdoc />
    public void Dispose() => _batch.Dispose();
}
