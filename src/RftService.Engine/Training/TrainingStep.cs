using System.Runtime.InteropServices;
using RftService.Engine.Algorithms;
using RftService.Engine.Models;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>One optimizer update: micro-batches, loss, backward, clipping, AdamW.</summary>
internal sealed class TrainingStep(
    ICausalLm model, IAlgorithm algorithm, AdamW optimizer, ReferencePolicy reference, Recipe recipe, double temperature, Device device)
{
    private readonly PolicyForward _policy = new(model, temperature);

    /// <summary>Positions of a micro-batch; halved when memory runs out.</summary>
    public int TokenBudget { get; set; } = recipe.MicroBatchTokens;

    /// <summary>Learns from the completions of a step.</summary>
    /// <param name="rows">At least one completion.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="metrics">Takes the metrics of the step.</param>
    /// <param name="cancellation">Asked between micro-batches; gradients of a step that is cut short are dropped.</param>
    /// <returns>False when loss or gradient norm was not finite: then no weight was changed.</returns>
    /// <exception cref="TrainingException">Memory ran out with one completion in a micro-batch.</exception>
    public bool Run(IReadOnlyList<TrainingRow> rows, double rate, MetricSums metrics, CancellationToken cancellation)
    {
        Accumulate(rows, metrics, cancellation);

        var norm = GradientClip.Apply(optimizer.Gradients, recipe.Optimizer.MaxGradientNorm);
        metrics.Set(MetricNames.GradientNorm, norm);
        metrics.Set(MetricNames.LearningRate, rate);
        if (!double.IsFinite(norm) || !double.IsFinite(metrics[MetricNames.PolicyLoss]))
        {
            return false;
        }

        optimizer.Step(rate);
        return true;
    }

    private void Accumulate(IReadOnlyList<TrainingRow> rows, MetricSums metrics, CancellationToken cancellation)
    {
        var weights = new TokenWeights(rows, recipe.Sampling.MaxTokens);
        while (true)
        {
            var batches = Packer.Pack(rows, TokenBudget);
            var attempt = new MetricSums();
            optimizer.ZeroGradients();
            try
            {
                foreach (var batch in batches)
                {
                    cancellation.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    Accumulate(MicroBatch.Of(batch, device), weights, attempt);
                }

                attempt.Set(MetricNames.MicroBatches, batches.Count);
                metrics.Add(attempt);
                return;
            }
            catch (ExternalException failure) when (IsOutOfMemory(failure))
            {
                if (batches.Count == rows.Count)
                {
                    throw new TrainingException(
                        TrainingFault.OutOfMemory,
                        $"Memory ran out on a single completion of {rows.Max(row => row.Positions)} positions.",
                        "Lower sampling.max_tokens, train an adapter (lora), or use a machine with more memory.",
                        failure);
                }

                // The budget may be far above the step: halve what was really used, so that each try is smaller.
                TokenBudget = Math.Max(1, batches.Max(batch => batch.Count * batch.Max(row => row.Positions)) / 2);
            }
        }
    }

    private void Accumulate(MicroBatch batch, TokenWeights weights, MetricSums metrics)
    {
        var referenceLogProbs = algorithm.NeedsReference ? reference.LogProbs(batch) : null;                        // [B, T]
        _policy.Backward(batch, (logProbs, entropy) =>
        {
            var inputs = new PolicyBatch(logProbs, batch.BehaviorLogProbs, batch.Advantages, batch.Mask, referenceLogProbs);
            var total = zeros([], ScalarType.Float32, device);
            foreach (var term in algorithm.Loss(inputs))
            {
                var perRow = batch.Rows.Select(row => (float)weights.Of(row, term.Reduction)).ToArray();
                var value = (term.PerToken * tensor(perRow, device: device).unsqueeze(1)).sum();                    // scalar
                metrics.Increase(MetricNames.LossPrefix + term.Name, value.item<float>());
                total = total + (value * term.Weight);
            }

            metrics.Increase(MetricNames.PolicyLoss, total.item<float>());
            StepMeasures.Of(inputs with { LogProbs = logProbs.detach() }, entropy, batch.Rows, algorithm, metrics);
            return total;
        });
    }

    private static bool IsOutOfMemory(ExternalException failure) =>
        failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || failure.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase)
        || failure.Message.Contains("not enough memory", StringComparison.OrdinalIgnoreCase);
}
