using RftService.Engine.Models;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>Computes prompts, several at once; what they have in common with prompts before them, or with each other, only once.</summary>
internal sealed class Prefill(ICausalLm model)
{
    // Prompts are computed together up to so many positions, padding included: beyond it, more at once are no faster.
    private const int Positions = 4096;

    // Positions that are attended to, what is known included: they are copied together for it.
    private const int Attended = 32_768;

    /// <summary>Positions of prompts that were computed.</summary>
    public long Computed { get; private set; }

    /// <summary>Positions that were known already.</summary>
    public long Reused { get; private set; }

    /// <summary>
    /// The first prompts that are to be computed together, however long the first is; none when not even its completions fit at once. One that begins as another
    /// of them does, further than what is known, comes later: it then has less to compute.
    /// </summary>
    /// <param name="waiting">In order.</param>
    /// <param name="prefixes">What is known.</param>
    /// <param name="rows">Completions for which there is room.</param>
    /// <param name="blocks">Blocks that are not spoken for.</param>
    public static List<PromptGroup> Choose(IEnumerable<PromptGroup> waiting, PrefixCache prefixes, int rows, int blocks)
    {
        var chosen = new List<PromptGroup>();
        var coming = new HashSet<PrefixCache.Key>();
        var (longest, most) = (0, 0);
        foreach (var group in waiting)
        {
            rows -= group.Request.GroupSize;
            blocks -= (group.IsComputed ? 0 : group.SharedBlocks) + (group.Request.GroupSize * group.OwnBlocks);
            if (rows < 0 || blocks < 0)
            {
                break;
            }

            if (group.IsComputed)
            {
                continue;
            }

            var (known, next) = prefixes.Look(group.Request.Owner, group.Text);
            if (next is { } key && known + KvCache.BlockSize < group.Text.Count && coming.Contains(key) && prefixes.HasRoom)
            {
                continue;
            }

            (longest, most) = (Math.Max(longest, group.Text.Count - known), Math.Max(most, group.Text.Count));
            if (chosen.Count > 0 && ((chosen.Count + 1L) * longest > Positions || (chosen.Count + 1L) * most > Attended))
            {
                break;
            }

            chosen.Add(group);
            if (next is { } one)
            {
                coming.Add(one);
            }
        }

        return chosen;
    }

    /// <summary>Computes what the groups need. If it fails, they hold what was computed by then, and the cache nothing else.</summary>
    public void Compute(IReadOnlyList<PromptGroup> groups, KvCache cache, PrefixCache prefixes)
    {
        var rows = new List<KvRow>();
        try
        {
            rows.AddRange(groups.Select(group => prefixes.Begin(group.Request.Owner, group.Text)));
            Compute(groups, rows, cache, prefixes);
        }
        catch
        {
            foreach (var (group, row) in groups.Zip(rows).Where(pair => !pair.First.IsComputed))
            {
                cache.Release(row);
            }

            throw;
        }
    }

    private void Compute(IReadOnlyList<PromptGroup> groups, List<KvRow> rows, KvCache cache, PrefixCache prefixes)
    {
        using var scope = torch.NewDisposeScope();
        int[] known = [.. rows.Select(row => row.Length)];
        int[] counts = [.. groups.Select((group, index) => group.Text.Count - known[index])];
        var longest = counts.Max();
        var tokens = new long[groups.Count * longest];
        foreach (var (index, group) in groups.Index())
        {
            for (var i = 0; i < counts[index]; i++)
            {
                tokens[(index * longest) + i] = group.Text[known[index] + i];
            }
        }

        var hidden = model.Decode(
            torch.tensor(tokens, [groups.Count, longest], device: model.HeadWeight.device), cache, rows, counts.All(count => count == longest) ? null : counts);
        foreach (var (index, group) in groups.Index())
        {
            group.Computed(rows[index], hidden.select(0, index).narrow(0, counts[index] - 1, 1).clone(), known[index]);
            prefixes.Add(group.Request.Owner, group.Text, rows[index]);
        }

        Computed += counts.Sum();
        Reused += known.Sum();
    }
}
