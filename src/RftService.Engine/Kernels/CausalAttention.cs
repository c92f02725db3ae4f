using RftService.Engine.Models.Blocks;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>
/// Attention of whole rows to themselves, block of queries after block of queries, so that scores (S × S) never exist as a whole and what lies
/// behind a block is not computed; on the way back scores are made again from queries, keys and the sums that were kept (Dao et al. 2022,
/// arXiv:2205.14135). A block of one head stays in the processor's caches from its scores to its sums.
/// </summary>
internal static class CausalAttention
{
    private static readonly long[] Parts = [0];

    /// <summary>Whether the products of such heads can be had here.</summary>
    public static bool Takes(long headSize) => SmallProduct.IsSupported && headSize % SmallProduct.Columns == 0;

    /// <param name="queries">[B, S, H, Dh]</param>
    /// <param name="keys">[B, S, K, Dh]</param>
    /// <param name="values">[B, S, K, Dh]</param>
    /// <param name="tape">Null: no gradient will be needed.</param>
    /// <returns>[B, S, H, Dh], contiguous</returns>
    public static torch.Tensor Forward(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, Tape? tape)
    {
        using var scope = torch.NewDisposeScope();
        (queries, keys, values) = (queries.contiguous(), keys.contiguous(), values.contiguous());
        var mixed = torch.empty_like(queries);
        var logSums = torch.empty(queries.size(0), queries.size(1), queries.size(2));
        var heads = new CausalHeads(queries, keys, values, mixed, logSums);
        Each(heads, backward: false, heads.Forward);
        tape?.Keep(queries);
        tape?.Keep(keys);
        tape?.Keep(values);
        tape?.Own(logSums);
        tape?.Keep(mixed);
        return mixed.MoveToOuterDisposeScope();
    }

    /// <param name="toMixed">[B, S, H, Dh]</param>
    /// <param name="tape">Of the forward half.</param>
    /// <returns>Gradients, [B, S, heads, Dh], contiguous.</returns>
    public static (torch.Tensor Queries, torch.Tensor Keys, torch.Tensor Values) Backward(torch.Tensor toMixed, Tape tape)
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor mixed = tape.Take(), logSums = tape.Take(), values = tape.Take(), keys = tape.Take(), queries = tape.Take();
        toMixed = toMixed.contiguous();
        var heads = new CausalHeads(queries, keys, values, mixed, logSums);
        torch.Tensor toQueries = torch.empty_like(queries), toKeys = torch.empty([heads.Parts, .. keys.shape]), toValues = torch.empty_like(toKeys);
        Each(heads, backward: true, (part, room) => heads.Backward(part, room, toMixed, toQueries, toKeys, toValues));
        return (toQueries.MoveToOuterDisposeScope(), Whole(toKeys).MoveToOuterDisposeScope(), Whole(toValues).MoveToOuterDisposeScope());
    }

    private static torch.Tensor Whole(torch.Tensor parts) => parts.size(0) == 1 ? parts.squeeze(0) : parts.sum(Parts);

    private static void Each(CausalHeads heads, bool backward, Action<long, torch.Tensor> work) =>
        HostRows.Each(heads.Count, (_, from, to) =>
        {
            if (from == to)
            {
                return;
            }

            using var room = torch.empty(heads.Room(backward));
            for (var part = from; part < to; part++)
            {
                work(part, room);
            }
        });
}
