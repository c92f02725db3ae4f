using System.Diagnostics;
using RftService.Engine;
using RftService.Engine.Algorithms;
using RftService.Engine.Models;
using RftService.Engine.Native;
using RftService.Engine.Training.Optimizers;
using RftService.Engine.Training.Planning;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>What a plan says beforehand against what is then measured. Each case in a process of its own, as a run in a fresh worker.</summary>
internal static class EstimateBench
{
    private const string Recomputed = "recomputed";

    public static void Run(RandomModel.Shape shape)
    {
        Console.WriteLine("| model | B x T | recomputed | estimated, MB | measured, MB | ratio | estimated, ms | measured, ms | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (var how in new[] { "plain", Recomputed })
        {
            foreach (var size in new[] { "2x256", "8x256", "4x512" })
            {
                using var own = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [typeof(EstimateBench).Assembly.Location, "estimate", shape.Name, size, how]))!;
                own.WaitForExit();
            }
        }
    }

    /// <summary>One case, as `8x256` rows and positions.</summary>
    public static void Compare(RandomModel.Shape shape, string size, string how)
    {
        var (rows, length, recompute) = (int.Parse(size.Split('x')[0], null), int.Parse(size.Split('x')[1], null), how == Recomputed);
        using var files = new RandomModel(shape, context: 512);
        var recipe = new Recipe { Algorithm = new SftOptions(), RecomputeActivations = recompute, MicroBatchTokens = 65_536 };
        var config = ModelConfig.Load(files.Folder);
        var lengths = new RunLengths(rows, 0, 0, length, length, Samples: false, NeedsReference: false);
        Heap.ReturnLargeBlocks(recompute);
        var memory = MemoryEstimate.Of(config, recipe, lengths);

        // All of the process: nothing was there before it.
        var (seconds, gemm) = (0.0, 0.0);
        var before = Resident.Now;
        var peak = before + Resident.PeakOf(() =>
        {
            using var model = ModelCatalog.Load(files.Folder, "cpu");
            using var optimizer = new AdamWSpec().Create(model.Trainable);
            var tokens = randint(0, shape.Vocabulary, [rows, length + 1], ScalarType.Int64);
            TrainingBench.WarmUp(model, optimizer, tokens, recompute);
            var taken = Measure.Paired(5, () => Measure.Cpu(() => TrainingBench.Step(model, optimizer, tokens, recompute)), () => Measure.Cpu(Measure.Product));
            (seconds, gemm) = (taken[0], taken[1]);
        });
        var time = TimeEstimate.Of(config, recipe, lengths, Measure.ProductWork / gemm);
        var expected = (double)memory.Peak;
        Console.WriteLine(
            $"| {shape.Name} | {size} | {(recompute ? "yes" : "no")} | {Measure.Number(expected / 1e6, "F0")} | {Measure.Number(peak / 1e6, "F0")} | "
            + $"{Measure.Number(expected / peak, "F2")} | {Measure.Number(1000 * time.TrainingSeconds, "F0")} | {Measure.Number(1000 * seconds, "F0")} | "
            + $"{Measure.Number(time.TrainingSeconds / seconds, "F2")} |");
    }
}
