using System.Diagnostics;
using RftService.Engine.Kernels;
using RftService.Engine.Models;
using RftService.Engine.Native;
using RftService.Engine.Rollouts;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>
/// One token for every row of a batch, at two lengths of context, in processor seconds: the cache in blocks, with a prompt for each row and with
/// a prompt for each group of 16, against a cache that grows and against a matrix product, by turns. Then what a group saves on its prompt.
/// </summary>
internal static class DecodeBench
{
    /// <summary>Tokens of one go.</summary>
    public const int Tokens = 8;

    private const int Group = 16;

    public static void Run(RandomModel.Shape shape)
    {
        Heap.ReturnLargeBlocks(false); // as a worker does
        using var files = new RandomModel(shape, context: 1024);
        using var model = ModelCatalog.Load(files.Folder, "cpu");
        using var off = no_grad();
        Console.WriteLine("| model | batch | context | blocks, tokens/s | blocks, groups of 16 | growing cache | ratio | ratio of groups | % of GEMM | % of groups |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        foreach (var batch in new[] { 1, 16, 64 })
        {
            foreach (var context in new[] { 64, 512 })
            {
                Tell(model, shape, files.Parameters, batch, context);
            }
        }

        GroupPrompt(model, shape);
    }

    /// <summary>Rows that lie at a context, and a go of some tokens for each of them.</summary>
    public sealed class Rows : IDisposable
    {
        private readonly ICausalLm _model;
        private readonly KvCache _cache;
        private readonly KvRow[] _rows;
        private readonly Tensor _next;
        private readonly int _context;

        public Rows(ICausalLm model, int rows, int context, int group = 1)
        {
            (_model, _context) = (model, context);
            _next = randint(0, model.Config.VocabularySize, [rows, 1], ScalarType.Int64);
            _cache = new KvCache(model.Config, rows * (KvCache.BlocksFor(context + Tokens) + 1), "cpu");
            _rows = [.. Enumerable.Range(0, rows / group).SelectMany(_ => Filled(group))];
            for (var layer = 0; layer < model.Config.Layers; layer++)
            {
                var (keys, values) = _cache.Layer(layer);
                nn.init.normal_(keys);
                nn.init.normal_(values);
            }

            var clock = Stopwatch.StartNew();
            while (clock.Elapsed.TotalSeconds < 1.5) // until the runtime has compiled what is hot a second time
            {
                Go();
            }
        }

        /// <summary>Draws nothing, but computes the scores of <see cref="Tokens"/> tokens a row.</summary>
        public void Go()
        {
            foreach (var row in _rows)
            {
                row.Length = _context; // blocks stay taken, so every go is the same
            }

            Repeat(() => FewRows.Linear(_model.Decode(_next, _cache, _rows).select(1, 0), _model.HeadWeight));
        }

        public void Dispose()
        {
            _cache.Dispose();
            _next.Dispose();
        }

        private KvRow[] Filled(int group)
        {
            var first = KvCache.NewRow();
            _cache.MakeRoom(first, _context);
            first.Length = _context;
            if (group == 1)
            {
                return [first];
            }

            var rows = _cache.Fork(first, group);
            _cache.Release(first);
            return [.. rows];
        }
    }

    private static void Tell(ICausalLm model, RandomModel.Shape shape, long parameters, int batch, int context)
    {
        using var own = new Rows(model, batch, context);
        using var shared = new Rows(model, batch, context, Math.Min(batch, Group));
        var next = randint(0, shape.Vocabulary, [batch, 1], ScalarType.Int64);
        var seconds = Measure.Paired(
            7,
            () => Measure.Cpu(own.Go),
            () => Measure.Cpu(shared.Go),
            () => Growing(model, batch, context, next),
            () => Measure.Cpu(Measure.Product));
        string Rate(double taken) => Measure.Number(batch * Tokens / taken, "F0");
        // 2 operations a parameter, and the 2 products of attention.
        var work = (2.0 * parameters) + (4.0 * context * shape.Hidden * shape.Layers);
        string Share(int index) => Measure.Number(100 * work * batch * Tokens / Measure.ProductWork * seconds.Ratio(3, index), "F0");
        Console.WriteLine(
            $"| {shape.Name} | {batch} | {context} | {Rate(seconds[0])} | {Rate(seconds[1])} | {Rate(seconds[2])} "
            + $"| {Measure.Number(seconds.Ratio(2, 0))} | {Measure.Number(seconds.Ratio(2, 1))} | {Share(0)} | {Share(1)} |");
    }

    // The prompt of a group once and then shared, against a prompt for each row.
    private static void GroupPrompt(ICausalLm model, RandomModel.Shape shape)
    {
        foreach (var context in new[] { 64, 448 })
        {
            var prompt = randint(0, shape.Vocabulary, [Group, context], ScalarType.Int64);
            using var cache = new KvCache(model.Config, Group * (KvCache.BlocksFor(context) + 1), "cpu");
            var seconds = Measure.Paired(3, () => Prompts(model, cache, prompt, Group), () => Prompts(model, cache, prompt, 1));
            Console.WriteLine($"{shape.Name}: prompt of {context} for a group of {Group}: {Measure.Number(seconds.Ratio(1, 0))} times faster once than {Group} times");
        }
    }

    private static double Prompts(ICausalLm model, KvCache cache, Tensor prompt, int group)
    {
        using var scope = NewDisposeScope();
        var clock = Stopwatch.StartNew();
        var rows = Prefill(model, cache, prompt, group);
        var seconds = clock.Elapsed.TotalSeconds;
        foreach (var row in rows)
        {
            cache.Release(row);
        }

        return seconds;
    }

    private static KvRow[] Prefill(ICausalLm model, KvCache cache, Tensor prompt, int group)
    {
        var firsts = Enumerable.Range(0, (int)prompt.size(0) / group).Select(_ => KvCache.NewRow()).ToArray();
        model.Decode(prompt.narrow(0, 0, firsts.Length), cache, firsts);
        if (group == 1)
        {
            return firsts;
        }

        var rows = firsts.SelectMany(first => cache.Fork(first, group)).ToArray();
        Array.ForEach(firsts, cache.Release);
        return rows;
    }

    private static double Growing(ICausalLm model, int rows, int context, Tensor next)
    {
        using var scope = NewDisposeScope();
        using var decoder = new GrowingCacheDecoder(model, rows, context);
        return Measure.Cpu(() => Repeat(() => decoder.Decode(next).select(1, 0).matmul(model.HeadWeight.t())));
    }

    private static void Repeat(Func<Tensor> scores)
    {
        for (var i = 0; i < Tokens; i++)
        {
            using var scope = NewDisposeScope();
            using var off = no_grad();
            scores();
        }
    }
}
