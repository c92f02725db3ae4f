using System.Numerics.Tensors;
using RftService.Engine.Models.Blocks;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Kernels;

/// <summary>
/// Attention of whole rows to themselves, block of queries after block of queries, so that scores (S × S) never exist as a whole and what lies
/// behind a block is not computed; on the way back scores are made again from queries, keys and the sums that were kept (Dao et al. 2022,
/// arXiv:2205.14135). The products are batched ones of torch, those of all queries to a key head in one, which are faster on a processor than its
/// own attention.
/// </summary>
internal static unsafe class CausalAttention
{
    private const int Block = 64;

    /// <param name="queries">[B, S, H, Dh], contiguous.</param>
    /// <param name="keys">[B, S, K, Dh]</param>
    /// <param name="values">[B, S, K, Dh]</param>
    /// <param name="tape">Null: no gradient will be needed.</param>
    /// <returns>[B, S, H, Dh], contiguous</returns>
    public static torch.Tensor Forward(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, Tape? tape)
    {
        using var scope = torch.NewDisposeScope();
        var shape = new Shape(queries, keys);
        torch.Tensor allKeys = Heads(keys), allValues = Heads(values), mixed = torch.empty_like(queries);
        var (scale, logSums) = (Constant.Of(shape.Scale), torch.empty(shape.Rows, shape.Length, shape.Heads));
        for (long start = 0; start < shape.Length; start += Block)
        {
            using var inner = torch.NewDisposeScope();
            var count = Math.Min(Block, shape.Length - start);
            var weights = Scores(shape.Take(queries, start, count).mul_(scale), allKeys, start + count);
            var sums = Powers(weights, start, count, logSums, shape);
            shape.Put(mixed, start, count, weights.bmm(allValues.narrow(1, 0, start + count)).div_(sums));
        }

        tape?.Keep(queries);
        tape?.Keep(keys);
        tape?.Keep(values);
        tape?.Own(logSums);
        tape?.Keep(mixed);
        return mixed.MoveToOuterDisposeScope();
    }

    /// <param name="toMixed">[B, S, H, Dh], contiguous.</param>
    /// <param name="tape">Of the forward half.</param>
    /// <returns>Gradients, [B, S, heads, Dh], contiguous.</returns>
    public static (torch.Tensor Queries, torch.Tensor Keys, torch.Tensor Values) Backward(torch.Tensor toMixed, Tape tape)
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor mixed = tape.Take(), logSums = tape.Take(), values = tape.Take(), keys = tape.Take(), queries = tape.Take();
        var shape = new Shape(queries, keys);
        torch.Tensor allKeys = Heads(keys), allValues = Heads(values);
        var scale = Constant.Of(shape.Scale);
        var shares = toMixed.mul(mixed).sum(3);                                                    // Σ ∂L/∂o · o, [B, S, H]
        torch.Tensor toQueries = torch.empty_like(queries), toKeys = torch.zeros_like(allKeys), toValues = torch.zeros_like(allValues);
        for (long start = 0; start < shape.Length; start += Block)
        {
            using var inner = torch.NewDisposeScope();
            var count = Math.Min(Block, shape.Length - start);
            var seen = start + count;
            torch.Tensor query = shape.Take(queries, start, count).mul_(scale), toOutput = shape.Take(toMixed, start, count);
            var weights = Scores(query, allKeys, seen);
            var toScores = toOutput.bmm(allValues.narrow(1, 0, seen).transpose(1, 2));
            Gradient(weights, toScores, start, count, logSums, shares, shape);
            toValues.narrow(1, 0, seen).Plus_(weights.transpose(1, 2).bmm(toOutput));
            toKeys.narrow(1, 0, seen).Plus_(toScores.transpose(1, 2).bmm(query));
            shape.Put(toQueries, start, count, toScores.bmm(allKeys.narrow(1, 0, seen)).mul_(scale));
        }

        return (toQueries.MoveToOuterDisposeScope(), shape.Places(toKeys).MoveToOuterDisposeScope(), shape.Places(toValues).MoveToOuterDisposeScope());
    }

    // [B, S, K, Dh] -> [B · K, S, Dh]
    private static torch.Tensor Heads(torch.Tensor heads) => heads.transpose(1, 2).flatten(0, 1).contiguous();

    // [B · K, G · count, seen]
    private static torch.Tensor Scores(torch.Tensor query, torch.Tensor keys, long seen) =>
        query.bmm(keys.narrow(1, 0, seen).transpose(1, 2));

    // Scores of the queries from start on become their powers, e^(score − most); those of keys behind a query 0. -> sums, [B · K, G · count, 1]
    private static torch.Tensor Powers(torch.Tensor scores, long start, long count, torch.Tensor logSums, Shape shape)
    {
        var sums = torch.empty(scores.size(0), scores.size(1), 1);
        float* all = HostRows.First(scores), logs = HostRows.First(logSums), plain = HostRows.First(sums);
        var keys = (int)scores.size(2);
        HostRows.Each(scores.size(0) * scores.size(1), (_, from, to) =>
        {
            for (var i = from; i < to; i++)
            {
                var row = new Span<float>(all + (i * keys), keys);
                var seen = row[..(int)(start + (i % count) + 1)];
                var most = TensorPrimitives.Max<float>(seen);
                TensorPrimitives.Subtract(seen, most, seen);
                TensorPrimitives.Exp<float>(seen, seen);
                plain[i] = TensorPrimitives.Sum<float>(seen);
                row[seen.Length..].Clear();
                logs[shape.Place(i, start, count)] = most + MathF.Log(plain[i]);
            }
        });
        return sums;
    }

    // Scores become weights p again, and ∂L/∂p becomes ∂L/∂score = p · (∂L/∂p − Σ p · ∂L/∂p), where the sum is that of ∂L/∂o · o.
    private static void Gradient(
        torch.Tensor scores, torch.Tensor toWeights, long start, long count, torch.Tensor logSums, torch.Tensor shares, Shape shape)
    {
        float* all = HostRows.First(scores), gradients = HostRows.First(toWeights), sums = HostRows.First(logSums), share = HostRows.First(shares);
        var keys = (int)scores.size(2);
        HostRows.Each(scores.size(0) * scores.size(1), (_, from, to) =>
        {
            for (var i = from; i < to; i++)
            {
                var place = shape.Place(i, start, count);
                Span<float> row = new(all + (i * keys), keys), gradient = new(gradients + (i * keys), keys);
                var seen = (int)(start + (i % count) + 1);
                Span<float> weights = row[..seen], its = gradient[..seen];
                TensorPrimitives.Subtract(weights, sums[place], weights);
                TensorPrimitives.Exp<float>(weights, weights);
                TensorPrimitives.Subtract(its, share[place], its);
                TensorPrimitives.Multiply(its, weights, its);
                row[seen..].Clear();
                gradient[seen..].Clear();
            }
        });
    }

    private sealed record Shape(long Rows, long Length, long Heads, long KeyHeads, long Size)
    {
        public Shape(torch.Tensor queries, torch.Tensor keys)
            : this(queries.size(0), queries.size(1), queries.size(2), keys.size(2), queries.size(3))
        {
        }

        public double Scale { get; } = 1 / Math.Sqrt(Size);

        private long Group => Heads / KeyHeads;

        /// <summary>A copy of a block out of [B, S, H, Dh], as [B · K, G · count, Dh].</summary>
        public torch.Tensor Take(torch.Tensor all, long start, long count) =>
            torch.empty([Rows, KeyHeads, Group, count, Size]).copy_(Window(all, start, count).permute(0, 2, 3, 1, 4)).view(Rows * KeyHeads, Group * count, Size);

        /// <summary>The way back.</summary>
        public void Put(torch.Tensor all, long start, long count, torch.Tensor block) =>
            Window(all, start, count).copy_(block.view(Rows, KeyHeads, Group, count, Size).permute(0, 3, 1, 2, 4));

        /// <summary>[B · K, S, Dh] -> [B, S, K, Dh]</summary>
        public torch.Tensor Places(torch.Tensor heads) => heads.view(Rows, KeyHeads, Length, Size).transpose(1, 2).contiguous();

        /// <summary>Index in [B, S, H] of row i of a block.</summary>
        public long Place(long i, long start, long count)
        {
            var (rest, position) = (i / count, i % count);                                         // rest counts (B, K, G)
            return (((rest / Heads * Length) + start + position) * Heads) + (rest % Heads);
        }

        private torch.Tensor Window(torch.Tensor all, long start, long count) =>
            all.view(Rows, Length, KeyHeads, Group, Size).narrow(1, start, count);
    }
}
