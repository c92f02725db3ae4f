using System.Runtime.InteropServices;
using RftService.Engine.Algorithms;
using RftService.Engine.Models;
using RftService.Engine.Native;
using RftService.Engine.Training.Optimizers;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>The optimizer updates of a step: micro-batches, loss, backward, clipping, optimizer.</summary>
internal sealed class TrainingStep(
    ICausalLm model, IAlgorithm algorithm, Optimizer optimizer, ReferencePolicy reference, Recipe recipe, double temperature, Device device)
{
    private readonly PolicyForward _policy = new(model, temperature, recipe.RecomputeActivations);
    private readonly PolicyForward _expert = new(model, temperature: 1, recipe.RecomputeActivations);

    private StepSurvey Survey => field ??= new StepSurvey(algorithm, ForwardOf, reference, device);

    /// <summary>Updates on the completions of a step.</summary>
    public int Updates { get; } = recipe.UpdatesPerStep ?? algorithm.UpdatesPerStep;

    /// <summary>Positions of a micro-batch; halved when memory runs out.</summary>
    public int TokenBudget { get; set; } = recipe.MicroBatchTokens;

    /// <summary>Learns from the completions of a step, in each update from all of them.</summary>
    public int Run(
        IReadOnlyList<TrainingRow> rows, int step, double meanReward, double rate, MetricSums metrics, CancellationToken cancellation) =>
        Run([.. Enumerable.Repeat(rows, Updates)], step, meanReward, rate, metrics, cancellation);

    /// <summary>Learns from completions.</summary>
    /// <param name="batches">The completions of each update, at least one each.</param>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="meanReward">Mean grade of the step's completions; NaN when none has one.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="metrics">Takes the metrics of the step: means over its updates, and the loss and norm of the last one.</param>
    /// <param name="cancellation">Asked between micro-batches; gradients of a step that is cut short are dropped.</param>
    /// <returns>Updates made: fewer than asked for when loss or gradient norm was not finite, which changes no weight.</returns>
    /// <exception cref="TrainingException">Memory ran out with one completion in a micro-batch.</exception>
    public int Run(
        IReadOnlyList<IReadOnlyList<TrainingRow>> batches, int step, double meanReward, double rate, MetricSums metrics,
        CancellationToken cancellation)
    {
        batches = WithPrevious(batches, cancellation);
        foreach (var (update, rows) in batches.Index())
        {
            var own = new MetricSums();
            var made = Update(rows, step, update, meanReward, rate, own, cancellation);
            own.Max(MetricNames.RatioMax, metrics[MetricNames.RatioMax]);
            if (update > 0 || rows.Any(row => row.Age > 0))
            {
                own.Remove(MetricNames.SamplerMismatch); // the policy has moved since it sampled
            }

            metrics.Add(own);
            if (!made)
            {
                return update;
            }
        }

        return batches.Count;
    }

    /// <summary>The rule's loss and its own metrics on completions that are not learned from, as `evaluation/...`.</summary>
    public void Evaluate(IReadOnlyList<TrainingRow> rows, int step, MetricSums metrics, CancellationToken cancellation)
    {
        using var _ = no_grad();
        var weights = new TokenWeights(rows, recipe.Sampling.MaxTokens);
        foreach (var part in Survey.Of(Packer.Pack(rows, TokenBudget), cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var batch = MicroBatch.Of(part, device);
            var referenceLogProbs = algorithm.NeedsReference ? batch.ReferenceLogProbs ?? reference.LogProbs(batch) : null; // [B, T]
            var inputs = new PolicyBatch(
                _policy.LogProbs(batch), batch.BehaviorLogProbs, batch.Advantages, batch.Mask, referenceLogProbs, batch.Survey, step);
            metrics.Increase(
                MetricNames.EvaluationLoss, algorithm.Loss(inputs).Sum(term => term.Weight * Average(term, batch, weights).Total()));
            foreach (var metric in algorithm.Measure(inputs))
            {
                metrics.Add(MetricNames.EvaluationPrefix + metric.Name.Replace('/', '_'), metric.Sum, metric.Count);
            }
        }
    }

    /// <summary>log π_ref of each row, in their order.</summary>
    public IReadOnlyList<float[]> ReferenceLogProbs(IReadOnlyList<TrainingRow> rows) => reference.LogProbs(rows, TokenBudget, device);

    private bool Update(
        IReadOnlyList<TrainingRow> rows, int step, int update, double meanReward, double rate, MetricSums metrics, CancellationToken cancellation)
    {
        Accumulate(rows, step, update, meanReward, metrics, cancellation);

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

    private IReadOnlyList<IReadOnlyList<TrainingRow>> WithPrevious(IReadOnlyList<IReadOnlyList<TrainingRow>> batches, CancellationToken cancellation)
    {
        if (!algorithm.NeedsPrevious)
        {
            return batches;
        }

        var seen = new Dictionary<IReadOnlyList<TrainingRow>, IReadOnlyList<TrainingRow>>(ReferenceEqualityComparer.Instance);
        foreach (var rows in batches.Where(rows => !seen.ContainsKey(rows)))
        {
            var found = PolicyForward.Each(rows, TokenBudget, batch => ForwardOf(batch).LogProbs(batch), device, cancellation);
            seen[rows] = [.. rows.Select((row, i) => row with { PreviousLogProbs = found[i] })];
        }

        return [.. batches.Select(rows => seen[rows])];
    }

    private PolicyForward ForwardOf(MicroBatch batch) => batch.Rows[0].Source == RowSource.Experts ? _expert : _policy;

    private void Accumulate(
        IReadOnlyList<TrainingRow> rows, int step, int update, double meanReward, MetricSums metrics, CancellationToken cancellation)
    {
        if (algorithm.Draws is not null)
        {
            rows = [.. rows.Select((row, number) => row with { Number = number })];
        }

        var weights = new TokenWeights(rows, recipe.Sampling.MaxTokens);
        while (true)
        {
            var batches = Packer.Pack(rows, TokenBudget);
            var attempt = new MetricSums();
            optimizer.ZeroGradients();
            try
            {
                foreach (var (index, batch) in Survey.Of(batches, cancellation).Index())
                {
                    cancellation.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    var dropoutSeed = SeedMix.Of(recipe.Seed, SeedPurpose.Dropout, ((long)update << 52) + ((long)step << 20) + index);
                    var tensors = MicroBatch.Of(batch, device);
                    var draws = algorithm.Draws is { } spec
                        ? TokenDraws.Of(spec, SeedMix.Of(recipe.Seed, SeedPurpose.TokenDraws, ((long)update << 52) + step), tensors)
                        : null;
                    Accumulate(tensors, dropoutSeed, draws, weights, step, meanReward, attempt);
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

    private void Accumulate(
        MicroBatch batch, ulong dropoutSeed, TokenDraws? draws, TokenWeights weights, int step, double meanReward, MetricSums metrics)
    {
        var referenceLogProbs = algorithm.NeedsReference ? batch.ReferenceLogProbs ?? reference.LogProbs(batch) : null; // [B, T]
        ForwardOf(batch).Backward(batch, dropoutSeed, draws, (logProbs, entropy, drawn) =>
        {
            var inputs = new PolicyBatch(logProbs, batch.BehaviorLogProbs, batch.Advantages, batch.Mask, referenceLogProbs, batch.Survey, step)
            {
                Source = batch.Rows[0].Source,
                MeanReward = meanReward,
                PreviousLogProbs = batch.PreviousLogProbs,
                DrawnLogProbs = drawn?.LogProbs,
                DrawnHits = drawn?.Hits,
                Entropy = entropy,
            };
            var total = zeros([], ScalarType.Float32, device);
            foreach (var term in algorithm.Loss(inputs))
            {
                var value = Average(term, batch, weights);                                                          // scalar
                metrics.Increase(MetricNames.LossPrefix + term.Name, value.item<float>());
                total = total.Plus(value * tensor((float)term.Weight, device: device));
            }

            metrics.Increase(MetricNames.PolicyLoss, total.item<float>());
            var constants = inputs with { LogProbs = logProbs.detach(), DrawnLogProbs = drawn?.LogProbs.detach() };
            StepMeasures.Of(constants, entropy, batch.Rows, algorithm, metrics);
            return total;
        });
    }

    private Tensor Average(LossTerm term, MicroBatch batch, TokenWeights weights)
    {
        var perRow = batch.Rows.Select(row => (float)weights.Of(row, term.Reduction)).ToArray();
        return (term.PerToken * tensor(perRow, device: device).unsqueeze(1)).sum();
    }

    private static bool IsOutOfMemory(ExternalException failure) =>
        failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || failure.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase)
        || failure.Message.Contains("not enough memory", StringComparison.OrdinalIgnoreCase);
}
