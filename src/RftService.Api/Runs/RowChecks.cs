using System.Text.Json;
using RftService.Api.Http;
using RftService.Data.Datasets;
using RftService.Data.Storage;
using RftService.Engine.Algorithms;
using RftService.Grading;

namespace RftService.Api.Runs;

/// <summary>
/// Reads the rows that a run will use and asks the reward whether it can grade them, so that a template that names a missing field is
/// refused now and is not found at step 900.
/// </summary>
internal sealed class RowChecks(ArtifactPaths paths, GraderHost host, TimeProvider clock) : IDisposable
{
    private const int Shown = 100;

    // A request must end. What it cannot reach in this time the worker meets as error grades, which fail a run with a clear code.
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    // Reading rows is work for a core and a disk: many at once would take both from all other requests.
    private readonly SemaphoreSlim _slots = new(2);

    /// <summary>Adds a fault for each of the first rows that cannot be used; returns notes.</summary>
    public Task<IEnumerable<string>> CheckAsync(RunDraft draft, List<ProblemError> errors, CancellationToken cancellation) =>
        TakeTurnsAsync(() => Check(draft, errors, cancellation), cancellation);

    /// <summary>Adds a fault for each of the first rows that the grader cannot grade; returns notes.</summary>
    public Task<IEnumerable<string>> CheckAsync(Dataset dataset, IGrader grader, List<ProblemError> errors, CancellationToken cancellation) =>
        TakeTurnsAsync(() => Scan(
            dataset, dataset.Rows, new RowNeeds(grader, RefuseMessages: false, Weights: false, Hints: false), "/dataset_id", Deadline(), errors, cancellation), cancellation);

    public void Dispose() => _slots.Dispose();

    private long Deadline() => clock.GetTimestamp() + (long)(TimeLimit.TotalSeconds * clock.TimestampFrequency);

    private async Task<IEnumerable<string>> TakeTurnsAsync(Func<IEnumerable<string>> check, CancellationToken cancellation)
    {
        await _slots.WaitAsync(cancellation);
        try
        {
            return check();
        }
        finally
        {
            _slots.Release();
        }
    }

    private List<string> Check(RunDraft draft, List<ProblemError> errors, CancellationToken cancellation)
    {
        if (MakeGrader(draft, errors) is not (var grader, true))
        {
            return [];
        }

        var deadline = Deadline();
        var notes = new List<string>();
        var algorithm = AlgorithmCatalog.Create(draft.Recipe.Algorithm);
        var held = new RowNeeds(grader, RefuseMessages: !draft.Model.HasChatTemplate, algorithm.NeedsWeights, Hints: false);
        var training = held with { Grader = draft.Dataset.Kind == DatasetKinds.Prompts ? grader : null, Hints = algorithm.Guidance is HintGuidance };
        notes.AddRange(Scan(draft.Dataset, draft.Dataset.Rows, training, "/dataset_id", deadline, errors, cancellation));
        if (draft.ExpertDataset is { } expert)
        {
            notes.AddRange(Scan(expert, expert.Rows, new RowNeeds(null, held.RefuseMessages, Weights: false, Hints: false), "/expert_dataset_id", deadline, errors, cancellation));
        }

        if (draft is { EvaluationDataset: { } rows, Recipe.Evaluation: { } evaluation })
        {
            var needs = held with { Weights = held.Weights && rows.Kind == DatasetKinds.Preferences };
            notes.AddRange(Scan(rows, Math.Min(rows.Rows, evaluation.Rows), needs, "/evaluation_dataset_id", deadline, errors, cancellation));
        }

        return notes;
    }

    private (IGrader? Grader, bool Usable) MakeGrader(RunDraft draft, List<ProblemError> errors)
    {
        if (draft.Reward is null)
        {
            return (null, true);
        }

        try
        {
            var spec = JsonSerializer.Deserialize<GraderSpec>(draft.Reward.GraderJson, JsonSetup.Options)
                ?? throw new InvalidOperationException("A stored grader is never null.");
            return (GraderCatalog.Create(spec, host), true);
        }
        catch (GraderSpecException fault)
        {
            // The rules may have become stricter since the version was stored.
            errors.Add(new ProblemError("/reward_id", "reward_unusable", $"{fault.Pointer}: {fault.Message}: make a new version of the reward"));
            return (null, false);
        }
    }

    private IEnumerable<string> Scan(
        Dataset dataset, int count, RowNeeds needs, string pointer, long deadline, List<ProblemError> errors, CancellationToken cancellation)
    {
        if (needs is { Grader: null, RefuseMessages: false, Weights: false, Hints: false })
        {
            return [];
        }

        var faults = new List<ProblemError>();
        var total = 0;
        using var file = DatasetFile.Open(paths, dataset.Sha256);
        for (var row = 0; row < count; row++)
        {
            cancellation.ThrowIfCancellationRequested();
            if ((row & 255) == 0 && clock.GetTimestamp() > deadline)
            {
                Report(faults, total, row, pointer, errors);
                return [$"Only the first {row} of {count} rows of {pointer[1..]} could be checked in {TimeLimit.TotalSeconds:0} s."];
            }

            using var item = JsonDocument.Parse(file.Read(row));
            if (needs.RefuseMessages && item.RootElement.TryGetProperty("messages", out _))
            {
                errors.Add(new ProblemError(pointer, "chat_template_missing",
                    $"row {row} holds messages, but the model has no chat template: take rows with 'prompt', or a model with a template"));
                return [];
            }

            if (needs.Weights && !item.RootElement.TryGetProperty("weight", out _))
            {
                errors.Add(new ProblemError(pointer, "weight_missing",
                    $"row {row} has no 'weight', and the rule weighs every pair: upload the dataset with weights, or take 'dpo'"));
                return [];
            }

            if (needs.Hints && !(item.RootElement.TryGetProperty("hint", out var hint) && hint.ValueKind == JsonValueKind.String && hint.GetString() != ""))
            {
                errors.Add(new ProblemError(pointer, "hint_missing",
                    $"row {row} has no text 'hint', and the rule gives it where a prompt fails: upload the dataset with hints, or take 'grpo'"));
                return [];
            }

            if (needs.Grader?.Reject(item.RootElement) is { } fault && ++total <= Shown)
            {
                faults.Add(new ProblemError(pointer, "row_not_gradable", $"row {row} {fault.Pointer}: {fault.Message}"));
            }
        }

        Report(faults, total, count, pointer, errors);
        return [];
    }

    /// <param name="Grader">What must be able to grade the rows; null: nothing.</param>
    /// <param name="RefuseMessages">True when the model can take no conversations.</param>
    /// <param name="Weights">True when each row must have a weight.</param>
    /// <param name="Hints">True when each row must have a hint.</param>
    private sealed record RowNeeds(IGrader? Grader, bool RefuseMessages, bool Weights, bool Hints);

    private static void Report(List<ProblemError> faults, int total, int read, string pointer, List<ProblemError> errors)
    {
        if (total > 0)
        {
            var shown = total > Shown ? $", the first {Shown} follow" : "";
            errors.Add(new ProblemError(pointer, "rows_not_gradable",
                $"{total} of {read} rows cannot be graded with this reward{shown}: mend the rows, or the fields that the reward's templates name"));
            errors.AddRange(faults);
        }
    }
}
