namespace RftService.Data.Metrics;

/// <summary>All metrics of one step in one row: a step is written whole or not at all, and twice is a key violation.</summary>
public sealed class StepMetrics
{
    public required Guid RunId { get; init; }

    public required int Step { get; init; }

    /// <summary>The claim that wrote it.</summary>
    public required int Attempt { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>jsonb: name to finite number.</summary>
    public required string ValuesJson { get; init; }
}
