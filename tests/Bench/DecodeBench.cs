using System.Diagnostics;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>One token for every row of a batch: the static cache against a growing one, at two lengths of context.</summary>
internal static class DecodeBench
{
    private const int Tokens = 16;

    public static void Run(RandomModel.Shape shape, double gemm)
    {
        using var files = new RandomModel(shape, context: 512);
        using var model = ModelCatalog.Load(files.Folder, "cpu");
        using var off = no_grad();
        Console.WriteLine("| model | batch | context | static cache, tokens/s | growing cache, tokens/s | ratio | % of GEMM |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var batch in new[] { 1, 16, 64 })
        {
            foreach (var context in new[] { 64, 448 })
            {
                var prompt = randint(0, shape.Vocabulary, [batch, context], ScalarType.Int64);
                var next = randint(0, shape.Vocabulary, [batch, 1], ScalarType.Int64);
                var (fixedSize, growing) = Measure.Paired(3, () => Static(model, prompt, next), () => Growing(model, prompt, next));
                var (a, b) = (batch * Tokens / fixedSize, batch * Tokens / growing);
                var work = 2.0 * files.Parameters * a;
                Console.WriteLine(
                    $"| {shape.Name} | {batch} | {context} | {Measure.Number(a, "F0")} | {Measure.Number(b, "F0")} | {Measure.Number(a / b)} | {Measure.Number(100 * work / gemm, "F0")} |");
            }
        }
    }

    private static double Static(ICausalLm model, Tensor prompt, Tensor next)
    {
        using var scope = NewDisposeScope();
        using var cache = new KvCache(model.Config, (int)prompt.size(0), (int)prompt.size(1) + Tokens, "cpu");
        model.Decode(prompt, cache);
        return Timed(model, () => model.Decode(next, cache));
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
