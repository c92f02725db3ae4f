using RftService.Engine.Models;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>What training holds above weights and gradients.</summary>
internal static class MemoryBench
{
    public static void Run()
    {
        Resident.ReturnFreedMemory();
        Console.WriteLine("| model | B x T | plain, MB | recomputed, MB | ratio |");
        Console.WriteLine("|---|---|---|---|---|");
        Compare(RandomModel.Shapes[0], 8, 512);
        Compare(RandomModel.Shapes[1], 4, 512);
        Compare(RandomModel.Shapes[2], 2, 512);
        Compare(new("30M, V 152k", 192, 4, 6, 2, 512, 151_936), 2, 512);
        Compare(new("70M, V 152k", 384, 6, 6, 2, 1024, 151_936), 2, 512);
    }

    private static void Compare(RandomModel.Shape shape, int rows, int length)
    {
        using var files = new RandomModel(shape, context: 512);
        using var model = ModelCatalog.Load(files.Folder, "cpu");
        var tokens = randint(0, shape.Vocabulary, [rows, length + 1], ScalarType.Int64);
        TrainingBench.Step(model, optimizer: null, tokens); // makes the gradients
        var plain = Resident.PeakOf(() => TrainingBench.Step(model, optimizer: null, tokens));
        var recomputed = Resident.PeakOf(() => TrainingBench.Step(model, optimizer: null, tokens, recompute: true));
        Console.WriteLine(
            $"| {shape.Name} | {rows}x{length} | {Measure.Number(plain / 1e6, "F0")} | {Measure.Number(recomputed / 1e6, "F0")} | {Measure.Number(plain / recomputed)} |");
    }
}
