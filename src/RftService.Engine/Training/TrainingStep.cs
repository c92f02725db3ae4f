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
    private readonly PolicyForward _expert = new(model, temperature: 1);

    /// <summary>Positions of a micro-batch; halved when memory runs out.</summary>
    public int TokenBudget { get; set; } = recipe.MicroBatchTokens;

    /// <summary>Learns from the completions of a step.</summary>
    /// <param name="rows">At least one completion.</param>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="meanReward">Mean grade of the step's completions; NaN when none has one.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="metrics">Takes the metrics of the step.</param>
    /// <param name="cancellation">Asked between micro-batches; gradients of a step that is cut short are dropped.</param>
    /// <returns>False when loss or gradient norm was not finite: then no weight was changed.</returns>
    /// <exception cref="TrainingException">Memory ran out with one completion in a micro-batch.</exception>
    public bool Run(
        IReadOnlyList<TrainingRow> rows, int step, double meanReward, double rate, MetricSums metrics, CancellationToken cancellation)
    {
        Accumulate(rows, step, meanReward, metrics, cancellation);

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

    /// <summary>log π_ref of each row, in their order.</summary>
    public IReadOnlyList<float[]> ReferenceLogProbs(IReadOnlyList<TrainingRow> rows) => reference.LogProbs(rows, TokenBudget, device);

    private void Accumulate(IReadOnlyList<TrainingRow> rows, int step, double meanReward, MetricSums metrics, CancellationToken cancellation)
    {
        var weights = new TokenWeights(rows, recipe.Sampling.MaxTokens);
        while (true)
        {
            var batches = Packer.Pack(rows, TokenBudget);
            var attempt = new MetricSums();
            optimizer.ZeroGradients();
            try
            {
                foreach (var (index, batch) in (algorithm.SurveyWidth > 0 ? Surveyed(batches, cancellation) : batches).Index())
                {
                    cancellation.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    Accumulate(MicroBatch.Of(batch, device), index, weights, step, meanReward, attempt);
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

    /// <summary>The same rows with what the rule's survey of the whole step gave: one more forward pass, without a gradient.</summary>
    private IReadOnlyList<IReadOnlyList<TrainingRow>> Surveyed(IReadOnlyList<IReadOnlyList<TrainingRow>> batches, CancellationToken cancellation)
    {
        var rows = batches.SelectMany(batch => batch).ToArray();
        var logProbs = PolicyForward.Each(batches, _policy.LogProbs, device, cancellation);
        var referenceLogProbs = algorithm.NeedsReference ? PolicyForward.Each(batches, reference.LogProbs, device, cancellation) : null;
        var found = algorithm.Survey([.. rows.Select((row, i) => new SurveyedCompletion
        {
            Group = row.Group,
            Reward = row.Reward,
            Advantages = [.. row.Completion.Select((_, t) => (double)(row.TokenAdvantages?[t] ?? row.Advantage))],
            LogProbs = Array.ConvertAll(logProbs[i], value => (double)value),
            BehaviorLogProbs = [.. row.BehaviorLogProbs?.Select(value => (double)value) ?? []],
            ReferenceLogProbs = referenceLogProbs is null ? null : Array.ConvertAll(referenceLogProbs[i], value => (double)value),
        })]);
        var next = 0;
        return [.. batches.Select(batch => batch
            .Select(row => row with { Survey = Array.ConvertAll(found[next++], value => (float)value) })
            .ToArray())];
    }

    private void Accumulate(MicroBatch batch, int index, TokenWeights weights, int step, double meanReward, MetricSums metrics)
    {
        var referenceLogProbs = algorithm.NeedsReference ? reference.LogProbs(batch) : null;                        // [B, T]
        var isExpert = batch.Rows[0].IsExpert;
        (isExpert ? _expert : _policy).Backward(batch, SeedMix.Of(recipe.Seed, SeedPurpose.Dropout, ((long)step << 20) + index), (logProbs, entropy) =>
        {
            var inputs = new PolicyBatch(logProbs, batch.BehaviorLogProbs, batch.Advantages, batch.Mask, referenceLogProbs, batch.Survey, step)
            {
                IsExpert = isExpert,
                MeanReward = meanReward,
            };
            var total = zeros([], ScalarType.Float32, device);
            foreach (var term in algorithm.Loss(inputs))
            {
                var perRow = batch.Rows.Select(row => (float)weights.Of(row, term.Reduction)).ToArray();
                var value = (term.PerToken * tensor(perRow, device: device).unsqueeze(1)).sum();                    // scalar
                metrics.Increase(MetricNames.LossPrefix + term.Name, value.item<float>());
                total = total + (value * tensor((float)term.Weight, device: device));
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
