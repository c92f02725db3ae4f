using RftService.Engine.Training;

namespace RftService.Engine.Rollouts;

/// <summary>A prompt, and how many completions of it are wanted.</summary>
public sealed record GroupRequest
{
    /// <summary>Token ids, not empty, with room for at least one more in the model's context.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>G.</summary>
    public required int GroupSize { get; init; }

    /// <summary>How to sample.</summary>
    public required SamplingSpec Spec { get; init; }

    /// <summary>A completion depends on the seed, <see cref="Index"/>, its index in the group and the prompt.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Index of the prompt among those with this seed.</summary>
    public int Index { get; init; }

    /// <summary>Whose it is: what is known of prompts is kept for prompts of the same owner.</summary>
    public Guid Owner { get; init; }

    /// <summary>Told before the first text how many tokens of the prompt were known already.</summary>
    public Action<int>? OnPrompt { get; init; }

    /// <summary>Gets new text as it comes: index in the group, text.</summary>
    public Action<int, string>? OnPiece { get; init; }

    /// <summary>Gets the group, in order, when its last completion has ended.</summary>
    public required Action<IReadOnlyList<Rollout>> OnDone { get; init; }

    /// <summary>Gets each completion when it has ended: index in the group, completion.</summary>
    internal Action<int, Rollout>? OnRow { get; init; }

    /// <summary>Index in the group of the first completion wanted; those before it are known already.</summary>
    internal int FirstSample { get; init; }

    /// <summary>What a completion has already; then it alone is wanted. It is read again with the weights as they are.</summary>
    internal SavedCompletion? Begun { get; init; }

    /// <summary>Looked at before every token: the group is dropped, and not told.</summary>
    public CancellationToken Cancellation { get; init; }
}
