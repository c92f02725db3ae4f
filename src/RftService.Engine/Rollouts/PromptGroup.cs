using RftService.Engine.Rollouts.Constraints;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>A request on its way: its prompt is computed once, then its completions begin from there, as many at a time as fit.</summary>
internal sealed class PromptGroup(GroupRequest request, int room, SpecTools tools)
{
    private readonly Rollout[] _rollouts = new Rollout[request.GroupSize];
    private KvRow? _prompt;
    private torch.Tensor? _hidden; // of the prompt's last position, [1, D]
    private int _begun;
    private int _ended;

    public GroupRequest Request => request;

    public SpecTools Tools => tools;

    /// <summary>What is computed before the completions begin.</summary>
    public IReadOnlyList<int> Text { get; } = request.Begun is { } begun ? [.. request.Prompt, .. begun.Tokens] : request.Prompt;

    /// <summary>Tokens that a completion may have.</summary>
    public int Room => room;

    public bool IsComputed => _prompt is not null;

    /// <summary>Completions that have not begun.</summary>
    public int Waiting => request.GroupSize - _begun;

    /// <summary>Index of the next completion.</summary>
    public int Next => request.FirstSample + _begun;

    public bool HasEnded => _ended == request.GroupSize;

    /// <summary>Blocks that all completions share, the prompt's own last one included.</summary>
    public int SharedBlocks => KvCache.BlocksFor(Text.Count);

    /// <summary>Blocks that each completion may come to need beside them.</summary>
    public int OwnBlocks => KvCache.BlocksFor(request.Prompt.Count + room) - (Text.Count / KvCache.BlockSize);

    /// <summary>Takes what the completions begin from.</summary>
    /// <param name="prompt">Its keys and values.</param>
    /// <param name="hidden">Of its last position, [1, D].</param>
    /// <param name="known">Positions that were known before.</param>
    public void Computed(KvRow prompt, torch.Tensor hidden, int known)
    {
        (_prompt, _hidden) = (prompt, hidden.DetachFromDisposeScope());
        request.OnPrompt?.Invoke(known);
    }

    /// <summary>Begins completions; gives their rows, and the hidden states that their first tokens are drawn from, [count, D].</summary>
    public (IReadOnlyList<KvRow> Rows, torch.Tensor Hidden) Begin(KvCache cache, int count)
    {
        var rows = cache.Fork(_prompt!, count);
        _begun += count;
        return (rows, _hidden!.expand(count, -1));
    }

    public void End(int sample, Rollout rollout)
    {
        _rollouts[sample - request.FirstSample] = rollout;
        request.OnRow?.Invoke(sample, rollout);
        if (++_ended == request.GroupSize)
        {
            request.OnDone(_rollouts);
        }
    }

    /// <summary>Gives the prompt's own row back, once all completions have begun or the group is dropped.</summary>
    public void Release(KvCache cache)
    {
        if (_prompt is not null)
        {
            cache.Release(_prompt);
        }

        _hidden?.Dispose();
        _hidden = null;
    }
}

/// <summary>What is made of a request's specification.</summary>
/// <param name="Draw">One for all requests whose tokens are drawn alike, whatever ends them.</param>
/// <param name="Penalties">Null: none.</param>
/// <param name="Interruption">Null: none.</param>
/// <param name="Constraint">Null: any text.</param>
internal sealed record SpecTools(TokenDraw Draw, TokenPenalties? Penalties, Interruption? Interruption, JsonConstraint? Constraint);
