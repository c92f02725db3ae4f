using RftService.Engine.Rollouts;

namespace RftService.Engine.Training;

/// <summary>Gives each step its groups: sampled now, logged before, or written by an expert.</summary>
internal interface IRolloutSource
{
    /// <summary>Entries of the data handed out; set when a run goes on.</summary>
    long Position { get; set; }

    /// <summary>The groups of a step, graded where grades are needed.</summary>
    IReadOnlyList<RolloutGroup> Next(int step, MetricSums metrics, CancellationToken cancellation);
}
