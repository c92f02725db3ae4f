namespace RftService.Data.Runs;

/// <summary>One reinforcement fine-tuning run. The table is the queue: workers claim rows of it (see RunLease in the worker).</summary>
public sealed class Run
{
    private Run()
    {
    }

    public Guid Id { get; private set; }

    public Guid ProjectId { get; private set; }

    public string Name { get; private set; } = "";

    public Guid ModelId { get; private set; }

    public Guid DatasetId { get; private set; }

    public Guid? EvaluationDatasetId { get; private set; }

    public Guid? ExpertDatasetId { get; private set; }

    public Guid? RewardId { get; private set; }

    public int? RewardVersion { get; private set; }

    /// <summary>jsonb: the Engine's `Recipe`, defaults resolved.</summary>
    public string RecipeJson { get; private set; } = "{}";

    /// <summary>jsonb: JSON pointer into the run to `given`, `default` or `derived`.</summary>
    public string OriginsJson { get; private set; } = "{}";

    /// <summary>jsonb: what judging models have cost so far by grader name; null: nothing. Not taken back with a checkpoint: it is spent.</summary>
    public string? SpendingJson { get; private set; }

    /// <summary>Higher goes first inside a project; -100 to 100.</summary>
    public int Priority { get; private set; }

    public RunStatus Status { get; private set; } = RunStatus.Queued;

    /// <summary>Number of the claim: the fencing token of every write a worker makes.</summary>
    public int Attempt { get; private set; }

    public string? Worker { get; private set; }

    public DateTimeOffset? LeaseUntil { get; private set; }

    public bool CancelRequested { get; private set; }

    public bool PauseRequested { get; private set; }

    public int Step { get; private set; }

    public int? TotalSteps { get; private set; }

    /// <summary>Share that is done, 0 to 1.</summary>
    public double Progress { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>First claim.</summary>
    public DateTimeOffset? StartedAt { get; private set; }

    /// <summary>Start and progress of the current attempt: the estimate of the remaining time is made from these.</summary>
    public DateTimeOffset? AttemptStartedAt { get; private set; }

    public double AttemptStartProgress { get; private set; }

    public DateTimeOffset? FinishedAt { get; private set; }

    public RunFailure? Failure { get; private set; }

    /// <summary>A run as submitted.</summary>
    public static Run Submit(
        Guid id, Guid projectId, string name, Guid modelId, Guid datasetId, Guid? evaluationDatasetId,
        Guid? rewardId, int? rewardVersion, string recipeJson, int? totalSteps, int priority, DateTimeOffset now, string originsJson = "{}",
        Guid? expertDatasetId = null) => new()
        {
            Id = id,
            ProjectId = projectId,
            Name = name,
            ModelId = modelId,
            DatasetId = datasetId,
            EvaluationDatasetId = evaluationDatasetId,
            ExpertDatasetId = expertDatasetId,
            RewardId = rewardId,
            RewardVersion = rewardVersion,
            RecipeJson = recipeJson,
            OriginsJson = originsJson,
            TotalSteps = totalSteps,
            Priority = priority,
            CreatedAt = now,
        };

    public bool IsFinished => Status is RunStatus.Succeeded or RunStatus.Failed or RunStatus.Cancelled;

    /// <summary>
    /// Asks for the end of the run. A run that no worker has ends at once; a running one when its worker has seen the wish.
    /// </summary>
    /// <exception cref="InvalidOperationException">The run has ended already.</exception>
    public void Cancel(DateTimeOffset now)
    {
        if (IsFinished)
        {
            throw new InvalidOperationException($"The run has ended already: {Status}.");
        }

        CancelRequested = true;
        if (Status is RunStatus.Queued or RunStatus.Paused)
        {
            (Status, FinishedAt, Failure) = (RunStatus.Cancelled, now, null);
        }
    }

    /// <summary>Asks the run to rest. A queued run rests at once; a running one after the step under way.</summary>
    /// <exception cref="InvalidOperationException">The run has ended already, or shall end.</exception>
    public void Pause()
    {
        if (IsFinished || CancelRequested)
        {
            throw new InvalidOperationException($"A run that has ended or shall end cannot rest: {Status}.");
        }

        PauseRequested = Status == RunStatus.Running;
        if (Status == RunStatus.Queued)
        {
            Status = RunStatus.Paused;
        }
    }

    /// <summary>Lets a run that rests wait for a worker again, and takes back the wish for a rest.</summary>
    /// <exception cref="InvalidOperationException">The run neither rests nor shall rest.</exception>
    public void Resume()
    {
        if (Status != RunStatus.Paused && !PauseRequested)
        {
            throw new InvalidOperationException($"The run does not rest: {Status}.");
        }

        PauseRequested = false;
        if (Status == RunStatus.Paused)
        {
            (Status, Failure) = (RunStatus.Queued, null);
        }
    }
}

/// <summary>Why a run failed, or was paused.</summary>
/// <param name="Code">Stable snake_case name.</param>
/// <param name="Stage">`loading`, `sampling`, `grading`, `training` or `checkpointing`.</param>
/// <param name="Message">What happened.</param>
/// <param name="Remedy">What to do.</param>
public sealed record RunFailure(string Code, string Stage, string Message, string Remedy);
