using System.ComponentModel.DataAnnotations;
using RftService.Api.Http;
using RftService.Data.Runs;
using RftService.Engine;
using RftService.Engine.Training.Planning;
using RftService.Grading.Judges;

namespace RftService.Api.Runs;

/// <summary>A run to be made: what to learn from, what is rewarded, and how.</summary>
public sealed record CreateRunRequest : IRequestBody<CreateRunRequest>
{
    /// <summary>For people; absent: made from the algorithm and the model.</summary>
    [StringLength(200, MinimumLength = 1)]
    public string? Name { get; init; }

    /// <summary>Base model: its name or its `md_` id.</summary>
    [StringLength(200, MinimumLength = 1)]
    public required string Model { get; init; }

    /// <summary>Dataset to learn from; its kind must be one that the algorithm accepts.</summary>
    public required string DatasetId { get; init; }

    /// <summary>Reward of sampled completions. Needed for a dataset of prompts and for an evaluation.</summary>
    public string? RewardId { get; init; }

    /// <summary>Version of the reward; absent: the latest one now, which later versions do not change.</summary>
    [Range(1, int.MaxValue)]
    public int? RewardVersion { get; init; }

    /// <summary>Held-out dataset; needed when the recipe has an `evaluation`.</summary>
    public string? EvaluationDatasetId { get; init; }

    /// <summary>Expert rows beside the dataset of prompts; needed by the algorithms that learn from both, as `chord`.</summary>
    public string? ExpertDatasetId { get; init; }

    /// <summary>Higher goes first inside the project.</summary>
    [Range(-100, 100)]
    public int Priority { get; init; }

    /// <summary>How the run learns.</summary>
    public required Recipe Recipe { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } = RunExamples.Create;
}

/// <summary>What a copy of a run changes; everything else is taken over.</summary>
public sealed record CloneRunRequest : IRequestBody<CloneRunRequest>
{
    /// <summary>Absent: the name of the original.</summary>
    [StringLength(200, MinimumLength = 1)]
    public string? Name { get; init; }

    /// <summary>Absent: the seed of the original, which makes the same run again.</summary>
    [Range(0, int.MaxValue)]
    public int? Seed { get; init; }

    /// <summary>Absent: the priority of the original.</summary>
    [Range(-100, 100)]
    public int? Priority { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } = [new("Same recipe, other seed", """{ "name": "second seed", "seed": 2 }""")];
}

/// <summary>A run.</summary>
public sealed record RunResponse
{
    /// <summary>`run_` id.</summary>
    public required string Id { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>Where the run is in its life; more may be added.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>True when its end was asked for.</summary>
    public required bool CancelRequested { get; init; }

    /// <summary>True while it is to rest after the step under way.</summary>
    public required bool PauseRequested { get; init; }

    /// <summary>Optimizer steps done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps of the whole run; null when only a budget ends it.</summary>
    public required int? TotalSteps { get; init; }

    /// <summary>Share that is done, 0 to 1.</summary>
    public required double Progress { get; init; }

    /// <summary>Seconds to the end at the pace of this attempt; null while there is no pace yet.</summary>
    public required double? EtaSeconds { get; init; }

    /// <summary>1 is next; null when the run does not wait. An estimate: workers share their time between projects.</summary>
    public required int? QueuePosition { get; init; }

    /// <summary>How often a worker took it up; more than 1 after a worker died.</summary>
    public required int Attempt { get; init; }

    /// <summary>The worker that has it; the last one after the end.</summary>
    public required string? Worker { get; init; }

    /// <summary>Why it failed, or why the service paused it; null otherwise.</summary>
    public required RunFailure? Failure { get; init; }

    /// <summary>Newest value of each metric; see `links.metrics` for the curves.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>Name of the base model.</summary>
    public required string Model { get; init; }

    /// <summary>`md_` id of the base model.</summary>
    public required string ModelId { get; init; }

    /// <summary>`ds_` id.</summary>
    public required string DatasetId { get; init; }

    /// <summary>`ds_` id of the held-out rows.</summary>
    public required string? EvaluationDatasetId { get; init; }

    /// <summary>`ds_` id of the expert rows beside the dataset.</summary>
    public required string? ExpertDatasetId { get; init; }

    /// <summary>`rw_` id.</summary>
    public required string? RewardId { get; init; }

    /// <summary>The version it was submitted with.</summary>
    public required int? RewardVersion { get; init; }

    /// <summary>What judging and embedding models have cost so far by the name of their grader; null: nothing.</summary>
    public required IReadOnlyDictionary<string, Spending>? Spending { get; init; }

    /// <summary>Higher goes first inside the project.</summary>
    public required int Priority { get; init; }

    /// <summary>The effective recipe, defaults resolved.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>Where each value came from, by JSON pointer into this object: `given`, `default` or `derived`.</summary>
    public required IReadOnlyDictionary<string, string> Origins { get; init; }

    /// <summary>When it was submitted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When a worker first took it.</summary>
    public required DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public required DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Where to go on.</summary>
    public required RunLinks Links { get; init; }
}

/// <summary>Paths that belong to a run.</summary>
/// <param name="Self">The run.</param>
/// <param name="Page">A page for people with live curves.</param>
/// <param name="Events">Its log.</param>
/// <param name="Stream">Status, metrics and events as they come, as server-sent events.</param>
/// <param name="Metrics">Its curves.</param>
/// <param name="Rollouts">Its completions.</param>
/// <param name="Checkpoints">Its checkpoints.</param>
public sealed record RunLinks(string Self, string Page, string Events, string Stream, string Metrics, string Rollouts, string Checkpoints)
{
    internal static RunLinks Of(string id)
    {
        var self = "/api/v1/runs/" + id;
        return new RunLinks(self, "/runs/" + id, self + "/events", self + "/stream", self + "/metrics", self + "/rollouts", self + "/checkpoints");
    }
}

/// <summary>A run in a list.</summary>
public sealed record RunSummary
{
    /// <summary>`run_` id.</summary>
    public required string Id { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>Where the run is in its life; more may be added.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>Name of the base model.</summary>
    public required string Model { get; init; }

    /// <summary>Name of the learning rule.</summary>
    public required string Algorithm { get; init; }

    /// <summary>Optimizer steps done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps of the whole run; null when only a budget ends it.</summary>
    public required int? TotalSteps { get; init; }

    /// <summary>Share that is done, 0 to 1.</summary>
    public required double Progress { get; init; }

    /// <summary>Code of the failure; null when it did not fail.</summary>
    public required string? FailureCode { get; init; }

    /// <summary>When it was submitted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ended.</summary>
    public required DateTimeOffset? FinishedAt { get; init; }
}

/// <summary>What a run would be: the answer of all checks without submitting anything.</summary>
public sealed record RunPlan
{
    /// <summary>The name it would get.</summary>
    public required string Name { get; init; }

    /// <summary>`md_` id of the base model.</summary>
    public required string ModelId { get; init; }

    /// <summary>The version that would be pinned.</summary>
    public required int? RewardVersion { get; init; }

    /// <summary>Rows of the dataset.</summary>
    public required int Rows { get; init; }

    /// <summary>Passes over the dataset; null when only a budget ends the run.</summary>
    public required double? Epochs { get; init; }

    /// <summary>Completions sampled for training over the whole run; null when nothing is sampled or only a budget ends the run.</summary>
    public required long? Completions { get; init; }

    /// <summary>Memory and time that it would take; null where the model's files cannot be read here.</summary>
    public RunEstimate? Estimate { get; init; }

    /// <summary>The effective recipe, defaults resolved.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>Where each value came from: `given`, `default` or `derived`.</summary>
    public required IReadOnlyDictionary<string, string> Origins { get; init; }

    /// <summary>Things to know that do not stop the run.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>What a run would take, worked out from its model, recipe and data. Sampled completions count at their longest.</summary>
public sealed record RunEstimate
{
    /// <summary>Bytes by part, on a worker's CPU or device, in float32.</summary>
    public required MemoryEstimate Memory { get; init; }

    /// <summary>Seconds of a step on the slowest live worker; null while no worker has reported its rate. Grading is left out.</summary>
    public required TimeEstimate? Step { get; init; }

    /// <summary>Seconds of all steps; null without `step`, and when only a budget ends the run. Evaluations and grading are left out.</summary>
    public required double? TotalSeconds { get; init; }

    /// <summary>The lengths that this follows from, in tokens of the model, taken from some of the rows.</summary>
    public required RunLengths Lengths { get; init; }
}
