using System.Diagnostics;
using System.Globalization;
using RftService.Engine.Models;
using RftService.Engine.Native;
using RftService.Engine.Training.Optimizers;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>
/// Training and decoding against the same model in Python's PyTorch (Debian: python3-torch, libopenblas0-pthread), a go of ours and a go of
/// its by turns, in processor seconds, one thread each. How fast each multiplies large matrices is told beside it: the two have different libraries.
/// </summary>
internal sealed class PeerBench : IDisposable
{
    private readonly Process _peer;

    private PeerBench(RandomModel.Shape shape)
    {
        int[] sizes = [shape.Hidden, shape.Layers, shape.Heads, shape.KeyHeads, shape.Intermediate, shape.Vocabulary];
        _peer = Process.Start(new ProcessStartInfo(
            "/usr/bin/python3", ["tests/Bench/Peer/peer.py", .. sizes.Select(size => size.ToString(CultureInfo.InvariantCulture))])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { ["OMP_NUM_THREADS"] = "1", ["OPENBLAS_NUM_THREADS"] = "1" },
        })!;
    }

    public static void Run(RandomModel.Shape shape)
    {
        Heap.ReturnLargeBlocks(false);
        using var peer = new PeerBench(shape);
        using var files = new RandomModel(shape, context: 640);
        using var model = ModelCatalog.Load(files.Folder, "cpu");
        using var optimizer = new AdamWSpec().Create(model.Trainable);
        var gemm = Measure.Paired(5, () => Measure.Cpu(Measure.Product), () => peer.Ask("gemm"));
        Console.WriteLine($"GEMM: {Rate(Measure.ProductWork / gemm[0])} GFLOP/s here, {Rate(Measure.ProductWork / gemm[1])} there\n");
        Console.WriteLine("| model | what | here, tokens/s | peer, tokens/s | ratio |");
        Console.WriteLine("|---|---|---:|---:|---:|");
        foreach (var (rows, length) in new[] { (8, 128), (2, 512) })
        {
            var tokens = randint(0, shape.Vocabulary, [rows, length + 1], ScalarType.Int64);
            TrainingBench.WarmUp(model, optimizer, tokens);
            Tell(shape, $"train {rows}x{length}", rows * length, Measure.Paired(
                5, () => Measure.Cpu(() => TrainingBench.Step(model, optimizer, tokens)), () => peer.Ask($"train {rows} {length}")));
        }

        foreach (var (rows, context) in new[] { (1, 64), (16, 64), (64, 64), (16, 448), (64, 448) })
        {
            using var places = new DecodeBench.Rows(model, rows, context);
            Tell(shape, $"decode {rows} rows at {context}", rows * DecodeBench.Tokens, Measure.Paired(
                5, () => Measure.Cpu(places.Go), () => peer.Ask($"decode {rows} {context} {DecodeBench.Tokens}")));
        }
    }

    public void Dispose()
    {
        _peer.StandardInput.Close();
        _peer.WaitForExit();
        _peer.Dispose();
    }

    private static void Tell(RandomModel.Shape shape, string what, double tokens, Measure.Turns seconds) =>
        Console.WriteLine(
            $"| {shape.Name} | {what} | {Measure.Number(tokens / seconds[0], "F0")} | {Measure.Number(tokens / seconds[1], "F0")} | {Measure.Number(seconds.Ratio(1, 0), "F2")} |");

    private static string Rate(double operations) => Measure.Number(operations / 1e9, "F0");

    private double Ask(string what)
    {
        _peer.StandardInput.WriteLine(what);
        return double.Parse(_peer.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The peer has ended."), CultureInfo.InvariantCulture);
    }
}
