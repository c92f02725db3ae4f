namespace RftService.Engine;

/// <summary>A fault of training that the client can act on. Anything else that escapes the Engine is a programmer's fault.</summary>
public sealed class TrainingException(TrainingFault fault, string message, string remedy, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What went wrong.</summary>
    public TrainingFault Fault { get; } = fault;

    /// <summary>What to do about it, in plain words.</summary>
    public string Remedy { get; } = remedy;
}

/// <summary>Faults that end a run; the wire name is snake_case.</summary>
public enum TrainingFault
{
    /// <summary>The model's folder cannot be read as a supported model.</summary>
    ModelUnreadable,

    /// <summary>The model's files are not those that the run was submitted with.</summary>
    ModelChanged,

    /// <summary>The checkpoint to go on from is damaged.</summary>
    CheckpointUnreadable,

    /// <summary>A row does not fit the model's context, or lacks what the algorithm needs.</summary>
    RowUnusable,

    /// <summary>Too many grades of a step were errors.</summary>
    GradingFailed,

    /// <summary>Loss or gradient norm was not finite three steps in a row; the run is paused.</summary>
    NumericalInstability,

    /// <summary>Hundreds of steps in a row had nothing to learn.</summary>
    NoLearningSignal,

    /// <summary>Memory ran out even with the smallest micro-batch.</summary>
    OutOfMemory,
}
