namespace RftService.Data.Runs;

/// <summary>Where a run is in its life.</summary>
public enum RunStatus
{
    /// <summary>Waits for a worker.</summary>
    Queued,

    /// <summary>A worker holds its lease.</summary>
    Running,

    /// <summary>Rests until somebody resumes it; the failure says why, unless somebody asked for it.</summary>
    Paused,

    /// <summary>All steps are done, or the budget is spent.</summary>
    Succeeded,

    /// <summary>Ended by a fault, see the failure.</summary>
    Failed,

    /// <summary>Ended by a person.</summary>
    Cancelled,
}
