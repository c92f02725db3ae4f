using RftService.Engine.Models;

namespace RftService.Engine.Training.Planning;

/// <summary>Seconds of a step, from the rate at which a machine multiplies large matrices. Checked by `tests/Bench -- estimate`.</summary>
public sealed record TimeEstimate
{
    /// <summary>
    /// What a number that a layer keeps costs beside the matrix products, in operations: it is made, read and its gradient made, by kernels that
    /// wait for memory.
    /// </summary>
    private const double OperationsPerActivation = 1200;

    /// <summary>Times that an activation costs when it is made twice, in memory that is new each time.</summary>
    private const double RecomputedActivations = 1.5;

    /// <summary>Share of the rate that narrow products reach while sampling.</summary>
    private const double DecodeShare = 0.6;

    /// <summary>Operations that could be made while a layer's small kernels are called.</summary>
    private const double OperationsPerCall = 3e7;

    /// <summary>Operations that could be made while a number is read from memory.</summary>
    private const double OperationsPerRead = 30;

    /// <summary>Sampling, 0 where nothing is sampled; grading left out.</summary>
    public required double SamplingSeconds { get; init; }

    /// <summary>Forward and backward passes and the update.</summary>
    public required double TrainingSeconds { get; init; }

    /// <summary>Both.</summary>
    public double StepSeconds => SamplingSeconds + TrainingSeconds;

    /// <summary>Estimates a step.</summary>
    /// <param name="config">The model.</param>
    /// <param name="recipe">The run's.</param>
    /// <param name="lengths">What it works on.</param>
    /// <param name="flops">Float32 operations a second of a large matrix product on the worker.</param>
    public static TimeEstimate Of(ModelConfig config, Recipe recipe, RunLengths lengths, double flops)
    {
        var size = ModelSize.Of(config, recipe);
        var row = lengths.MeanPrompt + lengths.MeanCompletion;
        return new TimeEstimate
        {
            SamplingSeconds = lengths.Samples ? Sampling(config, size, lengths) / flops : 0,
            TrainingSeconds = Training(config, recipe, size, lengths, row) / flops,
        };
    }

    private static double Training(ModelConfig config, Recipe recipe, ModelSize size, RunLengths lengths, double row)
    {
        var positions = lengths.Rows * row;
        var attention = 2 * row * config.QueryHeads * config.HeadSize * config.Layers; // 2 products, the causal half of each
        var passes = recipe.Lora is null ? 3.0 : 2.2;                                   // frozen weights need no gradient of their own
        var forward = (2.0 * size.LinearParameters) + attention;
        var body = (forward * passes) + (recipe.RecomputeActivations ? forward : 0)
            + (OperationsPerActivation * size.LayerActivations * config.Layers * (recipe.RecomputeActivations ? RecomputedActivations : 1));
        var head = 2.0 * size.HeadParameters * (recipe.Lora is null ? 3 : 2);
        var reference = lengths.NeedsReference ? (forward + (2.0 * size.HeadParameters)) : 0;
        var update = 60.0 * OperationsPerRead * size.TrainedParameters / 10;
        return (positions * body) + (lengths.Rows * lengths.MeanCompletion * (head + reference)) + update;
    }

    private static double Sampling(ModelConfig config, ModelSize size, RunLengths lengths)
    {
        var rows = Math.Min(512, lengths.Rows);
        var times = (double)lengths.Rows / rows;
        var token = 2.0 * (size.LinearParameters + size.HeadParameters);
        var step = (rows * token / DecodeShare)
            + (OperationsPerCall * config.Layers)
            + (OperationsPerRead * (size.LinearParameters + size.HeadParameters))
            + (OperationsPerRead * rows * (lengths.MeanPrompt + (lengths.MeanCompletion / 2)) * 2 * config.Layers * config.KeyHeads * config.HeadSize);
        return times * lengths.MeanCompletion * step;
    }
}
