using RftService.Engine.Rollouts;

namespace RftService.Engine;

/// <summary>Where a run reports. Called on the training thread, in order; a call that throws ends the run.</summary>
public interface IRunSink
{
    /// <summary>The number of steps is known and training (or resuming at <paramref name="firstStep"/>) begins.</summary>
    void Started(int firstStep, int? totalSteps);

    /// <summary>One optimizer step is done. Step 0 carries only an evaluation: the policy before training.</summary>
    void Step(StepReport report);

    /// <summary>A checkpoint folder is complete and durable.</summary>
    void Checkpoint(CheckpointReport report);

    /// <summary>Something a reader of the run should know.</summary>
    void Notice(RunNotice notice);
}

/// <summary>Metrics and rollouts of one step, written together or not at all.</summary>
/// <param name="Step">1 for the first optimizer step; 0 for the evaluation before it.</param>
/// <param name="Metrics">Finite numbers by name.</param>
/// <param name="Groups">The rollouts trained on.</param>
/// <param name="EvaluationGroups">The rollouts of an evaluation made after this step.</param>
/// <param name="Progress">Share of the run that is done, 0 to 1.</param>
public sealed record StepReport(
    int Step,
    IReadOnlyDictionary<string, double> Metrics,
    IReadOnlyList<RolloutGroup> Groups,
    IReadOnlyList<RolloutGroup> EvaluationGroups,
    double Progress)
{
    /// <summary>What the step's completions say of their rows, in row order; a row comes once.</summary>
    public IReadOnlyList<RowPasses> Passes { get; init; } = [];
}

/// <summary>Completions of one row in one step.</summary>
/// <param name="Row">Its index in the dataset.</param>
/// <param name="Attempts">Completions with a grade, at least 1.</param>
/// <param name="Passes">Those whose grade is a pass.</param>
public sealed record RowPasses(int Row, int Attempts, int Passes);

/// <summary>A durable checkpoint.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Folder">Absolute folder.</param>
/// <param name="IsAdapter">True: PEFT layout, needs the base model. False: a whole Hugging Face model.</param>
/// <param name="Bytes">Size of all files.</param>
/// <param name="Sha256">Of manifest.json, which holds the hash of every file; lower-case hex.</param>
/// <param name="Origin">Why it was written.</param>
public sealed record CheckpointReport(int Step, string Folder, bool IsAdapter, long Bytes, string Sha256, CheckpointOrigin Origin);

/// <summary>Why a checkpoint was written.</summary>
public enum CheckpointOrigin
{
    /// <summary>`checkpoint_every` steps were done.</summary>
    Periodic,

    /// <summary>The run is done.</summary>
    Final,

    /// <summary>The run was cancelled; this is the last step that it had trained.</summary>
    Cancelled,

    /// <summary>The run was paused; it goes on from here.</summary>
    Paused,
}

/// <summary>An event for the run's log. Never holds prompts or completions.</summary>
/// <param name="Level">How serious it is.</param>
/// <param name="Code">Stable snake_case name, as `no_learning_signal`.</param>
/// <param name="Message">Plain words with the numbers and the remedy.</param>
/// <param name="Step">The step it belongs to.</param>
public sealed record RunNotice(NoticeLevel Level, string Code, string Message, int Step);

/// <summary>How serious a notice is.</summary>
public enum NoticeLevel
{
    /// <summary>Expected progress.</summary>
    Info,

    /// <summary>The run goes on, but a person should look.</summary>
    Warn,

    /// <summary>The run ends.</summary>
    Error,
}
