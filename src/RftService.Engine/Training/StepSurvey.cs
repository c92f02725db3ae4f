using RftService.Engine.Algorithms;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>A rule's look at a whole step under the policy as it is: forward passes without a gradient. Adapters drop nothing in them.</summary>
/// <param name="algorithm">The rule.</param>
/// <param name="policy">The forward pass of a micro-batch.</param>
/// <param name="reference">The frozen model.</param>
/// <param name="device">Where the tensors lie.</param>
internal sealed class StepSurvey(IAlgorithm algorithm, Func<MicroBatch, PolicyForward> policy, ReferencePolicy reference, Device device)
{
    /// <summary>The same rows with what the survey gave for each; unchanged when the rule does not survey.</summary>
    public IReadOnlyList<IReadOnlyList<TrainingRow>> Of(IReadOnlyList<IReadOnlyList<TrainingRow>> batches, CancellationToken cancellation)
    {
        if (algorithm.SurveyWidth == 0)
        {
            return batches;
        }

        var rows = batches.SelectMany(batch => batch).ToArray();
        var logProbs = PolicyForward.Each(batches, batch => policy(batch).LogProbs(batch), device, cancellation);
        var entropies = algorithm.NeedsEntropy ? PolicyForward.Each(batches, batch => policy(batch).Entropies(batch), device, cancellation) : null;
        var referenceLogProbs = algorithm.NeedsReference ? PolicyForward.Each(batches, reference.LogProbs, device, cancellation) : null;
        var found = algorithm.Survey([.. rows.Select((row, i) => new SurveyedCompletion
        {
            Source = row.Source,
            Group = row.Group,
            Reward = row.Reward,
            Weight = row.Weight,
            Advantages = row.TokenAdvantages is { } own ? Wide(row, own) : [.. Enumerable.Repeat((double)row.Advantage, row.SampledTokens)],
            LogProbs = Wide(row, logProbs[i]),
            Entropies = entropies is null ? [] : Wide(row, entropies[i]),
            BehaviorLogProbs = row.BehaviorLogProbs is { } behavior ? Wide(row, behavior) : [],
            ReferenceLogProbs = referenceLogProbs is null ? null : Wide(row, referenceLogProbs[i]),
        })]);
        var surveyed = rows.Select((row, i) => row with
        {
            Survey = Array.ConvertAll(found[i], value => (float)value),
            ReferenceLogProbs = referenceLogProbs?[i], // the loss need not ask for it again
        });
        var next = new Queue<TrainingRow>(surveyed);
        return [.. batches.Select(batch => batch.Select(_ => next.Dequeue()).ToArray())];
    }

    private static double[] Wide(TrainingRow row, IReadOnlyList<float> values) => [.. row.OfSampled(values).Select(value => (double)value)];
}
