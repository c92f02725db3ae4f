using System.Diagnostics;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>
/// One token for every row of a batch, at two lengths of context: the cache in blocks, with a prompt for each row and with a prompt for each
/// group of 16, against a cache that grows. Then what a group saves on its prompt.
/// </summary>
internal static class DecodeBench
{
    public const int Tokens = 16;
    private const int Group = 16;

    public static void Run(RandomModel.Shape shape, double gemm)
    {
        using var files = new RandomModel(shape, context: 512);
        using var model = ModelCatalog.Load(files.Folder, "cpu");
        using var off = no_grad();
        Console.WriteLine("| model | batch | context | blocks, tokens/s | blocks, groups of 16 | growing cache | ratio | ratio of groups | % of GEMM | % of groups |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        foreach (var batch in new[] { 1, 16, 64 })
        {
            foreach (var context in new[] { 64, 448 })
            {
                var prompt = randint(0, shape.Vocabulary, [batch, context], ScalarType.Int64);
                var next = randint(0, shape.Vocabulary, [batch, 1], ScalarType.Int64);
                var (own, shared, growing) = Measure.Paired(
                    3, () => Blocks(model, prompt, 1, next), () => Blocks(model, prompt, Math.Min(batch, Group), next), () => Growing(model, prompt, next));
                double Rate(double seconds) => batch * Tokens / seconds;
                string Share(double seconds) => Measure.Number(100 * 2.0 * files.Parameters * Rate(seconds) / gemm, "F0");
                Console.WriteLine(
                    $"| {shape.Name} | {batch} | {context} | {Measure.Number(Rate(own), "F0")} | {Measure.Number(Rate(shared), "F0")} | {Measure.Number(Rate(growing), "F0")} "
                    + $"| {Measure.Number(growing / own)} | {Measure.Number(growing / shared)} | {Share(own)} | {Share(shared)} |");
            }
        }

        GroupPrompt(model, shape);
    }

    /// <summary>Processor seconds of <see cref="Tokens"/> tokens for every row, each with a prompt of its own.</summary>
    public static double CpuSeconds(ICausalLm model, int rows, int context)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var prompt = randint(0, model.Config.VocabularySize, [rows, context], ScalarType.Int64);
        using var cache = new KvCache(model.Config, rows * (KvCache.BlocksFor(context + Tokens) + 1), "cpu");
        var places = Prefill(model, cache, prompt, 1);
        var next = prompt.narrow(1, 0, 1);
        return Measure.Cpu(() => Timed(model, () => model.Decode(next, cache, places)));
    }

    // The prompt of a group once and then shared, against a prompt for each row.
    private static void GroupPrompt(ICausalLm model, RandomModel.Shape shape)
    {
        foreach (var context in new[] { 64, 448 })
        {
            var prompt = randint(0, shape.Vocabulary, [Group, context], ScalarType.Int64);
            using var cache = new KvCache(model.Config, Group * (KvCache.BlocksFor(context) + 1), "cpu");
            var (once, each, _) = Measure.Paired(3, () => Prompts(model, cache, prompt, Group), () => Prompts(model, cache, prompt, 1), () => 0);
            Console.WriteLine($"{shape.Name}: prompt of {context} for a group of {Group}: {Measure.Number(each / once)} times faster once than {Group} times");
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

    private static double Blocks(ICausalLm model, Tensor prompt, int group, Tensor next)
    {
        using var scope = NewDisposeScope();
        using var cache = new KvCache(model.Config, (int)prompt.size(0) * (KvCache.BlocksFor((int)prompt.size(1) + Tokens) + 1), "cpu");
        var rows = Prefill(model, cache, prompt, group);
        return Timed(model, () => model.Decode(next, cache, rows));
    }

    private static double Growing(ICausalLm model, Tensor prompt, Tensor next)
    {
        using var scope = NewDisposeScope();
        using var decoder = new GrowingCacheDecoder(model);
        decoder.Decode(prompt);
        return Timed(model, () => decoder.Decode(next));
    }

    private static double Timed(ICausalLm model, Func<Tensor> decode)
    {
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Tokens; i++)
        {
            using var scope = NewDisposeScope();
            decode().select(1, 0).matmul(model.HeadWeight.t());
        }

        return clock.Elapsed.TotalSeconds;
    }
}
