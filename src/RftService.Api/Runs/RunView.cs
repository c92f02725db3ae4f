using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Runs;
using RftService.Engine;
using RftService.Engine.Training;
using RftService.Grading.Judges;

namespace RftService.Api.Runs;

/// <summary>Runs as clients see them.</summary>
internal static class RunView
{
    private static readonly Dictionary<string, double> NoMetrics = [];

    /// <summary>Null when the project has no such run.</summary>
    public static async Task<RunResponse?> FindAsync(RftDbContext db, Guid projectId, Guid id, DateTimeOffset now, CancellationToken cancellation)
    {
        var found = await db.Runs.AsNoTracking()
            .Where(run => run.Id == id && run.ProjectId == projectId)
            .Join(db.Models, run => run.ModelId, model => model.Id, (run, model) => new { Run = run, Model = model.Name })
            .SingleOrDefaultAsync(cancellation);
        if (found is null)
        {
            return null;
        }

        var run = found.Run;
        var recipe = RecipeOf(run);
        var publicId = PublicId.Run.Format(run.Id);
        return new RunResponse
        {
            Id = publicId,
            Name = run.Name,
            Status = run.Status,
            CancelRequested = run.CancelRequested,
            PauseRequested = run.PauseRequested,
            Step = run.Step,
            TotalSteps = run.TotalSteps,
            Progress = run.Progress,
            EtaSeconds = EtaSeconds(run, now),
            QueuePosition = await QueuePositionAsync(db, run, cancellation),
            Attempt = run.Attempt,
            Worker = run.Worker,
            Failure = run.Failure,
            Metrics = await LatestMetricsAsync(db, run.Id, recipe.Evaluation is not null, cancellation),
            Model = found.Model,
            ModelId = PublicId.Model.Format(run.ModelId),
            DatasetId = PublicId.Dataset.Format(run.DatasetId),
            EvaluationDatasetId = PublicId.Dataset.Format(run.EvaluationDatasetId),
            ExpertDatasetId = PublicId.Dataset.Format(run.ExpertDatasetId),
            RewardId = PublicId.Reward.Format(run.RewardId),
            RewardVersion = run.RewardVersion,
            Spending = run.SpendingJson is { } spending ? JsonSerializer.Deserialize<Dictionary<string, Spending>>(spending, JsonSetup.Options) : null,
            Priority = run.Priority,
            Recipe = recipe,
            Origins = OriginsOf(run),
            CreatedAt = run.CreatedAt,
            StartedAt = run.StartedAt,
            FinishedAt = run.FinishedAt,
            Links = RunLinks.Of(publicId),
        };
    }

    public static RunSummary Summarize(Run run, string model)
    {
        using var recipe = JsonDocument.Parse(run.RecipeJson);
        return new RunSummary
        {
            Id = PublicId.Run.Format(run.Id),
            Name = run.Name,
            Status = run.Status,
            Model = model,
            Algorithm = recipe.RootElement.GetProperty("algorithm").GetProperty("type").GetString()!,
            Step = run.Step,
            TotalSteps = run.TotalSteps,
            Progress = run.Progress,
            FailureCode = run.Failure?.Code,
            CreatedAt = run.CreatedAt,
            FinishedAt = run.FinishedAt,
        };
    }

    public static Recipe RecipeOf(Run run) =>
        JsonSerializer.Deserialize<Recipe>(run.RecipeJson, JsonSetup.Options) ?? throw new InvalidOperationException("A stored recipe is never null.");

    public static Dictionary<string, string> OriginsOf(Run run) =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(run.OriginsJson, JsonSetup.Options)!;

    /// <summary>The pace is that of this attempt: an earlier one may have run on another machine.</summary>
    public static double? EtaSeconds(Run run, DateTimeOffset now)
    {
        if (run.Status != RunStatus.Running || run.AttemptStartedAt is not { } start || run.Progress <= run.AttemptStartProgress || now <= start)
        {
            return null;
        }

        var pace = (run.Progress - run.AttemptStartProgress) / (now - start).TotalSeconds;
        return Math.Round(Math.Max(0, 1 - run.Progress) / pace, 1);
    }

    /// <summary>
    /// Workers take turns between projects, so a run waits for its own project's better ones and for as many of each other project.
    /// </summary>
    public static async Task<int?> QueuePositionAsync(RftDbContext db, Run run, CancellationToken cancellation)
    {
        if (run.Status != RunStatus.Queued)
        {
            return null;
        }

        var positions = await db.Database.SqlQuery<int>($"""
            with waiting as (
                select id, created_at, row_number() over (partition by project_id order by priority desc, created_at, id) as turn
                from runs where status = 'Queued')
            select position as "Value" from (
                select id, (row_number() over (order by turn, created_at, id))::int as position from waiting) as queue
            where id = {run.Id}
            """).ToListAsync(cancellation);
        return positions is [var position] ? position : null; // claimed meanwhile: no position
    }

    private static async Task<Dictionary<string, double>> LatestMetricsAsync(
        RftDbContext db, Guid runId, bool evaluates, CancellationToken cancellation)
    {
        var latest = await db.StepMetrics.AsNoTracking().Where(row => row.RunId == runId)
            .OrderByDescending(row => row.Step).Select(row => row.ValuesJson).FirstOrDefaultAsync(cancellation);
        var values = Read(latest);
        if (evaluates && latest is not null && !values.ContainsKey(MetricNames.EvaluationRewardMean))
        {
            var evaluated = await db.Database.SqlQuery<string>($"""
                select "values"::text as "Value" from step_metrics
                where run_id = {runId} and jsonb_exists("values", {MetricNames.EvaluationRewardMean}) order by step desc limit 1
                """).ToListAsync(cancellation);
            foreach (var (name, value) in Read(evaluated.FirstOrDefault()))
            {
                if (name.StartsWith("evaluation/", StringComparison.Ordinal))
                {
                    values.TryAdd(name, value);
                }
            }
        }

        return values;
    }

    private static Dictionary<string, double> Read(string? json) =>
        json is null ? new(NoMetrics) : JsonSerializer.Deserialize<Dictionary<string, double>>(json, JsonSetup.Options)!;
}
