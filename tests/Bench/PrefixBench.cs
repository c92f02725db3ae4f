using System.Diagnostics;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Tokenization;

namespace RftService.Bench;

/// <summary>Requests whose prompts have their first part in common, one after the other, against requests that have nothing in common.</summary>
internal static class PrefixBench
{
    private const int Requests = 8;
    private const int Prompt = 448;

    public static void Run(RandomModel.Shape shape)
    {
        using var files = new RandomModel(shape, context: 512);
        using var model = ModelCatalog.Load(files.Folder, "cpu");
        File.WriteAllText(Path.Combine(files.Folder, "tokenizer.json"), """{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}}""");
        var tokenizer = Tokenizer.Load(files.Folder); // prompts are tokens already, and one is drawn
        var spec = new SamplingSpec { MaxTokens = 1 };
        Console.WriteLine("| model | prompt | in common | positions computed | ms a request, nothing in common | ms a request | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var common in new[] { 0.5, 0.8, 0.95 })
        {
            var shared = (int)(Prompt * common);
            var seconds = Measure.Paired(3, () => Seconds(model, tokenizer, spec, 0).Seconds, () => Seconds(model, tokenizer, spec, shared).Seconds);
            var computed = Seconds(model, tokenizer, spec, shared).Computed;
            Console.WriteLine(
                $"| {shape.Name} | {Prompt} | {Measure.Number(100 * common, "F0")} % | {computed} of {(Requests - 1) * Prompt} "
                + $"| {Measure.Number(1000 * seconds[0] / (Requests - 1))} | {Measure.Number(1000 * seconds[1] / (Requests - 1))} | {Measure.Number(seconds.Ratio(0, 1))} |");
        }
    }

    // The first request is not counted: it finds nothing.
    private static (double Seconds, long Computed) Seconds(ICausalLm model, Tokenizer tokenizer, SamplingSpec spec, int shared)
    {
        using var batch = new ContinuousBatch(model, tokenizer, fixedWeights: true);
        var clock = new Stopwatch();
        var before = 0L;
        for (var request = 0; request < Requests; request++)
        {
            var random = new Random(request);
            batch.Add(new GroupRequest
            {
                Prompt = [.. Enumerable.Range(0, Prompt).Select(i => i < shared ? 1 + i : random.Next(1, model.Config.VocabularySize))],
                GroupSize = 1,
                Spec = spec,
                Seed = 1,
                OnDone = _ => { },
            });
            while (batch.Step())
            {
            }

            if (request == 0)
            {
                before = batch.ComputedPromptTokens;
                clock.Start();
            }
        }

        return (clock.Elapsed.TotalSeconds, batch.ComputedPromptTokens - before);
    }
}
