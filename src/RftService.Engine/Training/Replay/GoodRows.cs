using RftService.Engine.Algorithms;

namespace RftService.Engine.Training.Replay;

/// <summary>
/// Self-imitation: completions that were better than their group come back beside the rollouts, with their reward less the median of the latest
/// groups' mean rewards as the advantage; those that this makes no better than usual stay out.
/// </summary>
internal sealed class GoodRows(SelfImitation spec, int seed) : IReplay
{
    private readonly ReplayBuffer _buffer = new(spec.Capacity, spec.MaxAge);
    private readonly Queue<double> _groupMeans = new();

    public ReplayState State
    {
        get => new([.. _buffer.Rows], [.. _groupMeans]);
        set
        {
            _buffer.Rows = value.Rows;
            _groupMeans.Clear();
            foreach (var mean in value.GroupMeans)
            {
                _groupMeans.Enqueue(mean);
            }
        }
    }

    public IReadOnlyList<IReadOnlyList<TrainingRow>> Batches(IReadOnlyList<TrainingRow> own, int step, int updates, MetricSums metrics)
    {
        var rollouts = own.Where(row => row.Source == RowSource.Rollouts).ToArray();
        foreach (var group in rollouts.GroupBy(row => row.Group))
        {
            _groupMeans.Enqueue(group.Average(row => row.Reward));
        }

        while (_groupMeans.Count > spec.BaselineGroups)
        {
            _groupMeans.Dequeue();
        }

        _buffer.Expire(step);
        var baseline = Median();
        TrainingRow[] replayed =
        [
            .. _buffer.Draw(spec.RowsPerStep, SeedMix.Of(seed, SeedPurpose.Replay, step), row => row.Reward > baseline)
                .Select(row => row.Rebased((float)(row.Reward - baseline)).ToTraining(step, RowSource.Replay)),
        ];
        metrics.Set(MetricNames.ReplayRows, replayed.Length);
        metrics.Set(MetricNames.ReplayKept, _buffer.Rows.Count);
        metrics.Add(MetricNames.ReplayAge, replayed.Sum(row => row.Age), replayed.Length);

        _buffer.Add(rollouts.Where(row => row.Advantage > spec.MinAdvantage).Select(row => ReplayedRow.Of(row, step)));
        return [.. Enumerable.Repeat(replayed.Length == 0 ? own : [.. own, .. replayed], updates)];
    }

    private double Median()
    {
        var sorted = _groupMeans.Order().ToArray();
        return sorted.Length == 0 ? 0 : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
