using System.Diagnostics;
using RftService.Engine.Models;
using RftService.Engine.Native;
using RftService.Engine.Training;
using RftService.Engine.Training.Optimizers;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>Forward, chunked head, backward, clipping and AdamW, as the trainer does them.</summary>
internal static class TrainingBench
{
    public static void Run(RandomModel.Shape shape)
    {
        Heap.ReturnLargeBlocks(false); // as a run does
        using var files = new RandomModel(shape, context: 512);
        using var model = ModelCatalog.Load(files.Folder, "cpu");
        using var optimizer = new AdamWSpec().Create(model.Trainable);
        Console.WriteLine("| model | B x T | tokens/s | ms/step | % of GEMM |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var (rows, length) in new[] { (8, 128), (2, 512) })
        {
            var tokens = randint(0, shape.Vocabulary, [rows, length + 1], ScalarType.Int64);
            WarmUp(model, optimizer, tokens);
            var taken = Measure.Paired(9, () => Measure.Cpu(() => Step(model, optimizer, tokens)), () => Measure.Cpu(Measure.Product));
            var seconds = taken[0];
            var positions = (double)rows * length;
            // 6 operations a parameter and position, and the causal half of 2 products of attention, forward and twice backward.
            var work = (6.0 * files.Parameters * positions) + (6.0 * rows * length * length * shape.Hidden * shape.Layers);
            Console.WriteLine(
                $"| {shape.Name} | {rows}x{length} | {Measure.Number(positions / seconds, "F0")} | {Measure.Number(1000 * seconds)} | {Measure.Number(100 * work / Measure.ProductWork * taken.Ratio(1, 0), "F0")} |");
        }
    }

    /// <summary>Some steps, while the runtime compiles what is hot a second time.</summary>
    public static void WarmUp(ICausalLm model, Optimizer optimizer, Tensor tokens, bool recompute = false)
    {
        var clock = Stopwatch.StartNew();
        for (var step = 0; step < 5 || clock.Elapsed.TotalSeconds < 3; step++)
        {
            Step(model, optimizer, tokens, recompute);
        }
    }

    /// <summary>Forward, head, backward, clipping, update.</summary>
    public static void Step(ICausalLm model, Optimizer? optimizer, Tensor tokens, bool recompute = false)
    {
        using var scope = NewDisposeScope();
        var length = tokens.size(1) - 1;
        using var pass = model.Train(tokens.narrow(1, 0, length), recompute: recompute);
        var hidden = pass.Hidden.view(-1, model.Config.HiddenSize);
        using var head = new LmHead(hidden, model.HeadWeight, tokens.narrow(1, 1, length).flatten(), temperature: 1, keepSoftmax: true);
        var gradient = full([head.LogProbs.size(0)], -1.0f / head.LogProbs.size(0));
        pass.Backward(head.Backward(gradient, model.HeadWeight).view_as(pass.Hidden));
        if (optimizer is not null)
        {
            GradientClip.Apply(optimizer.Gradients, 1.0);
            optimizer.Step(1e-4);
            optimizer.ZeroGradients();
        }
    }
}
