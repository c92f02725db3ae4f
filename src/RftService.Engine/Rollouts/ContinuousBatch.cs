using RftService.Engine.Models;
using RftService.Engine.Rollouts.Constraints;
using RftService.Engine.Tokenization;
using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>
/// Samples many requests together, a token a step for every row: a row that ends leaves at once, and a waiting one takes its place. The prompt of
/// a group is computed once, and so is what prompts have in common from their beginning. Synchronous, for one thread.
/// </summary>
/// <param name="model">The policy; its weights may change while nothing is sampled, the memory stays.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="maxRows">Completions sampled at once.</param>
/// <param name="maxCacheBytes">Memory for keys and values; fewer rows are sampled at once where they could need more.</param>
/// <param name="fixedWeights">The weights never change: the beginnings of prompts are kept while nothing is sampled, too.</param>
public sealed class ContinuousBatch(ICausalLm model, Tokenizer tokenizer, int maxRows = 512, long maxCacheBytes = 2L << 30, bool fixedWeights = false)
    : IDisposable
{
    private readonly LinkedList<PromptGroup> _waiting = new();
    private readonly List<Active> _active = [];
    private readonly ConstraintShelf _constraints = new(tokenizer, model.Config.VocabularySize);
    private readonly Prefill _prefill = new(model);
    private KvCache? _cache;
    private PrefixCache? _prefixes;
    private int? _version;

    /// <summary>Completions that are not done; 0: there is nothing to do.</summary>
    public int Rows => _active.Count + _waiting.Sum(group => group.Waiting);

    /// <summary>Positions of prompts that were computed so far.</summary>
    public long ComputedPromptTokens => _prefill.Computed;

    /// <summary>Positions of prompts that were known already, from prompts that begin alike.</summary>
    public long ReusedPromptTokens => _prefill.Reused;

    /// <summary>Of the weights, noted with each token that is drawn from now on; null: not noted. Prompts to come are computed with these weights.</summary>
    internal int? Version
    {
        get => _version;
        set
        {
            _version = value;
            _prefixes?.Clear();
        }
    }

    internal KvCache? Cache => _cache;

    private sealed record Active(PromptGroup Group, SampledRow Row, KvRow Memory);

    /// <summary>Queues a request.</summary>
    /// <exception cref="TrainingException">The prompt is empty or leaves no room in the model's context.</exception>
    public void Add(GroupRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.GroupSize, 1);
        var context = model.Config.ContextLength;
        if (request.Prompt.Count == 0 || request.Prompt.Count >= context)
        {
            throw new TrainingException(
                TrainingFault.RowUnusable,
                $"prompt {request.Index}: expected 1 to {context - 1} tokens (the model's context less one), got {request.Prompt.Count}",
                "Shorten the row's prompt, or use a model with a longer context.");
        }

        if (request.Prompt.Any(token => token < 0 || token >= model.Config.VocabularySize))
        {
            throw new InvalidOperationException($"prompt {request.Index}: a token is not below {model.Config.VocabularySize}");
        }

        var spec = request.Spec;
        var draw = Groups.Select(group => group.Tools.Draw).FirstOrDefault(draw => draw.Fits(spec)) ?? new TokenDraw(model, spec);
        var tools = new SpecTools(draw, TokenPenalties.Of(spec), Interruption.Of(spec, tokenizer), _constraints.Find(spec.ResponseFormat));
        var room = Math.Min(request.Spec.MaxTokens, context - request.Prompt.Count);
        _waiting.AddLast(new PromptGroup(request, room, tools));
    }

    /// <summary>One token for every row; waiting ones enter before it. False when nothing is left to do.</summary>
    public bool Step()
    {
        Drop(group => group.Request.Cancellation.IsCancellationRequested);
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var before = _active.Count;
        var hidden = Enter();
        if (before > 0)
        {
            var last = torch.tensor(_active.Take(before).Select(one => (long)one.Row.LastToken).ToArray(), device: model.HeadWeight.device);
            hidden.Insert(0, model.Decode(last.unsqueeze(1), _cache!, [.. _active.Take(before).Select(one => one.Memory)]).squeeze(1));
        }

        if (hidden.Count > 0)
        {
            Draw(hidden.Count == 1 ? hidden[0] : torch.cat([.. hidden], 0));
        }

        if (_active.Count == 0 && _waiting.Count == 0)
        {
            ForgetWhatMayChange();
            return false;
        }

        return true;
    }

    /// <summary>What the completions that have begun and not ended hold.</summary>
    internal IEnumerable<(GroupRequest Request, int Sample, SavedCompletion Drawn)> Progress() =>
        _active.Select(one => (one.Group.Request, one.Row.Sample, one.Row.ToSaved()));

    /// <summary>Drops everything, the memory too.</summary>
    internal void Forget() => Dispose();

    /// <summary>Drops everything that is not done.</summary>
    public void Clear()
    {
        Drop(_ => true);
        ForgetWhatMayChange();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Clear();
        DropCache();
    }

    // All that is not done; a group may come twice.
    private IEnumerable<PromptGroup> Groups => _waiting.Concat(_active.Select(one => one.Group));

    // Blocks that what is begun may come to need: nothing that is begun ever waits for memory.
    private int Reserved => Groups.Distinct().Where(group => group.IsComputed).Sum(group => group.SharedBlocks) + _active.Sum(one => one.Group.OwnBlocks);

    private void DropCache()
    {
        var cache = _cache;
        (_cache, _prefixes) = (null, null); // first: there may be no memory for the next one
        cache?.Dispose();
    }

    private void ForgetWhatMayChange()
    {
        if (!fixedWeights)
        {
            _prefixes?.Clear();
        }
    }

    // Rows that begin, and the hidden states that their first tokens are drawn from.
    private List<torch.Tensor> Enter()
    {
        var hidden = new List<torch.Tensor>();
        while (_waiting.First?.Value is { } group && _active.Count < maxRows && HasCache(group) && (group.IsComputed || Compute()))
        {
            var count = Math.Min(group.Waiting, Math.Min(maxRows - _active.Count, (_cache!.Blocks - Reserved) / group.OwnBlocks));
            if (count == 0)
            {
                break;
            }

            var first = group.Next;
            var (rows, states) = group.Begin(_cache, count);
            _active.AddRange(rows.Select((row, i) => new Active(group, NewRow(group, first + i), row)));
            hidden.Add(states);
            if (group.Waiting == 0)
            {
                group.Release(_cache);
                _waiting.RemoveFirst();
            }
        }

        return hidden;
    }

    private SampledRow NewRow(PromptGroup group, int sample)
    {
        var tools = group.Tools;
        var row = new SampledRow(
            sample, group.Room, new CompletionText(tokenizer.CreateStreamDecoder(), group.Request.Spec.Stop), tools.Penalties?.CountsOf(group.Request.Prompt))
        {
            Constraint = tools.Constraint?.Begin(),
            Interruption = tools.Interruption is { } how ? (how, how.PlaceOf(group.Request.Seed, group.Request.Index, sample)) : null,
        };
        if (group.Request.Begun is { } begun)
        {
            row.Restore(begun, tokenizer.EndOfTextIds);
        }

        return row;
    }

    // As large as may be from the start; larger only for a single row that would never fit.
    private bool HasCache(PromptGroup group)
    {
        var least = group.SharedBlocks + group.OwnBlocks;
        if (_cache?.Blocks >= least)
        {
            return true;
        }

        if (Reserved > 0)
        {
            return false; // when the others are done
        }

        var most = maxRows * (KvCache.BlocksFor(model.Config.ContextLength) + 1L);
        DropCache();
        _cache = new KvCache(
            model.Config,
            (int)Math.Max(least, Math.Min(most, maxCacheBytes / KvCache.BytesPerBlock(model.Config))),
            model.HeadWeight.device.ToString());
        _prefixes = new PrefixCache(_cache);
        return true;
    }

    // Computes the first prompts that wait; false when there is no room yet.
    private bool Compute()
    {
        var reserved = Reserved;
        var groups = Prefill.Choose(_waiting, _prefixes!, maxRows - _active.Count, _cache!.Blocks - reserved);
        if (groups.Count == 0 && _waiting.First!.Value is var first && reserved + first.SharedBlocks + first.OwnBlocks <= _cache.Blocks)
        {
            groups = [first]; // too many completions to enter at once: in parts
        }

        if (groups.Count == 0)
        {
            return false;
        }

        _prefill.Compute(groups, _cache, _prefixes!);
        return true;
    }

    private void Draw(torch.Tensor hidden)
    {
        var parts = Enumerable.Range(0, _active.Count).GroupBy(index => (_active[index].Group.Tools.Draw, Constrained: _active[index].Row.Constraint is not null));
        foreach (var part in parts.ToList())
        {
            int[] places = [.. part];
            var rows = Array.ConvertAll(places, index => _active[index]);
            var states = places.Length == _active.Count
                ? hidden
                : hidden.index_select(0, torch.tensor(Array.ConvertAll(places, index => (long)index), device: hidden.device));
            var (tokens, logProbs) = part.Key.Draw.Take(
                states,
                Array.ConvertAll(rows, Uniform),
                rows[0].Row.Counts is null ? null : Array.ConvertAll(rows, one => one.Row.Counts!),
                !part.Key.Constrained ? null : Array.ConvertAll(rows, one => one.Row.Constraint!.Allowed));
            for (var i = 0; i < rows.Length; i++)
            {
                Add(rows[i], (int)tokens[i], logProbs[i]);
            }
        }

        _active.RemoveAll(one => one.Row.Finished);
    }

    private static float Uniform(Active one) =>
        CounterRandom.Uniform(one.Group.Request.Seed, (ulong)one.Group.Request.Index, (ulong)one.Row.Sample, (ulong)one.Row.Length);

    private void Add(Active one, int token, float logProb)
    {
        one.Row.Add(token, logProb, Version, tokenizer.EndOfTextIds);
        if (one.Group.Request.OnPiece is { } onPiece && one.Row.TakeText() is { Length: > 0 } text)
        {
            onPiece(one.Row.Sample, text);
        }

        if (one.Row.Finished)
        {
            _cache!.Release(one.Memory);
            one.Group.End(one.Row.Sample, one.Row.ToRollout());
        }
    }

    private void Drop(Predicate<PromptGroup> unwanted)
    {
        foreach (var group in Groups.Where(group => unwanted(group)).ToHashSet())
        {
            foreach (var one in _active.Where(one => one.Group == group))
            {
                _cache!.Release(one.Memory); // has nothing left if it ended in a step that failed
            }

            _active.RemoveAll(one => one.Group == group);
            if (_waiting.Remove(group) && group.IsComputed)
            {
                group.Release(_cache!);
            }
        }
    }
}
