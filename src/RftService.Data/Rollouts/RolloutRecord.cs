namespace RftService.Data.Rollouts;

/// <summary>One stored completion of a step.</summary>
public sealed class RolloutRecord
{
    public long Id { get; private set; }

    public required Guid RunId { get; init; }

    public required int Step { get; init; }

    /// <summary>True when it was sampled for an evaluation.</summary>
    public required bool IsEvaluation { get; init; }

    /// <summary>Position of the group in the step.</summary>
    public required int GroupIndex { get; init; }

    /// <summary>Position in the group.</summary>
    public required int SampleIndex { get; init; }

    /// <summary>Row of the dataset.</summary>
    public required int RowIndex { get; init; }

    public required string Prompt { get; init; }

    public required string Completion { get; init; }

    /// <summary>`end_of_text`, `stop_text` or `length`.</summary>
    public required string StopReason { get; init; }

    /// <summary>`policy`, `hinted` or `expert`.</summary>
    public string Origin { get; init; } = "policy";

    public required int Tokens { get; init; }

    /// <summary>Null when the grader abstained or failed.</summary>
    public double? Reward { get; init; }

    public string? ErrorCode { get; init; }

    public string? Reason { get; init; }

    /// <summary>jsonb: sub-rewards by name.</summary>
    public string? PartsJson { get; init; }

    /// <summary>jsonb: free key/values of the grader.</summary>
    public string? InfoJson { get; init; }

    /// <summary>jsonb: steps that were graded by themselves, see `GradedStep` in the Engine.</summary>
    public string? StepsJson { get; init; }

    /// <summary>jsonb: stretches of tokens with the policy that drew them; null: all are of the step's own policy.</summary>
    public string? PolicyVersionsJson { get; init; }

    /// <summary>Time that the grading took, milliseconds.</summary>
    public double? GradingMs { get; init; }

    public float? Advantage { get; init; }
}
