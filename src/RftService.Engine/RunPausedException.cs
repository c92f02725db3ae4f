namespace RftService.Engine;

/// <summary>The run rests. All its steps are in a checkpoint, and it can go on from there.</summary>
/// <param name="cause">What made it rest; null when it was asked to.</param>
public sealed class RunPausedException(TrainingException? cause) : Exception(cause?.Message ?? "The run was asked to rest.", cause)
{
    /// <summary>What made it rest; null when it was asked to.</summary>
    public TrainingException? Cause { get; } = cause;
}
