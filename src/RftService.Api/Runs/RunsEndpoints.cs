using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Runs;

namespace RftService.Api.Runs;

internal static class RunsEndpoints
{
    public static void AddRuns(this IServiceCollection services)
    {
        services.AddScoped<RunChecks>();
        services.AddScoped<RunEstimates>();
        services.AddSingleton<RowChecks>();
        services.AddScoped<RunSubmission>();
        services.AddScoped<WorkerBell>();
        services.AddScoped<RunControl>();
    }

    public static RouteGroupBuilder MapRuns(this IEndpointRouteBuilder v1)
    {
        var runs = v1.MapGroup("/runs").WithTags("Runs");
        runs.MapPost("/", CreateAsync).WithName("CreateRun").WithSummary("Submit a run")
            .WithDescription("Checks everything that can be known beforehand, every row of the dataset against the reward included, and queues the run.")
            .Produces<RunResponse>(StatusCodes.Status201Created)
            .ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status409Conflict, StatusCodes.Status422UnprocessableEntity)
            .AcceptsIdempotencyKey().KeepsBody();
        runs.MapPost("/plan", PlanAsync).WithName("PlanRun").WithSummary("Check a run without submitting it")
            .WithDescription("Makes the checks of a submission, shows the effective recipe, and estimates memory and time.")
            .Produces<RunPlan>().ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status409Conflict, StatusCodes.Status422UnprocessableEntity).KeepsBody();
        runs.MapGet("/", ListAsync).WithName("ListRuns").WithSummary("List runs, newest first")
            .ProducesProblems(StatusCodes.Status400BadRequest);
        runs.MapGet("/{id}", GetAsync).WithName("GetRun").WithSummary("Show one run")
            .WithDescription("Answers 304 to If-None-Match while nothing but the remaining time has changed.")
            .Produces<RunResponse>().Produces(StatusCodes.Status304NotModified).ProducesProblems(StatusCodes.Status404NotFound);
        runs.MapPost("/{id}/clone", CloneAsync).WithName("CloneRun").WithSummary("Submit a copy of a run")
            .WithDescription("The same model, data, reward version and recipe, checked again.")
            .Produces<RunResponse>(StatusCodes.Status201Created)
            .ProducesProblems(
                StatusCodes.Status400BadRequest, StatusCodes.Status404NotFound, StatusCodes.Status409Conflict, StatusCodes.Status422UnprocessableEntity)
            .AcceptsIdempotencyKey();
        runs.MapRunControl();
        return runs;
    }

    private static async Task<IResult> CreateAsync(
        CreateRunRequest request, HttpRequest http, RunChecks checks, RunSubmission submission, RftDbContext db, Caller caller,
        TimeProvider clock, CancellationToken cancellation)
    {
        var given = await GivenFields.ReadAsync(http, cancellation);
        var (draft, refusal) = await checks.CheckAsync(request, given, cancellation);
        return draft is null ? refusal! : await SubmitAsync(draft, draft.Origins(given), submission, db, caller, clock, cancellation);
    }

    private static async Task<IResult> PlanAsync(
        CreateRunRequest request, HttpRequest http, RunChecks checks, RunEstimates estimates, CancellationToken cancellation)
    {
        var given = await GivenFields.ReadAsync(http, cancellation);
        var (draft, refusal) = await checks.CheckAsync(request, given, cancellation);
        if (draft is null)
        {
            return refusal!;
        }

        var (estimate, note) = await estimates.OfAsync(draft, cancellation);
        var plan = draft.ToPlan(draft.Origins(given));
        return TypedResults.Ok(plan with { Estimate = estimate, Notes = note is null ? plan.Notes : [.. plan.Notes, note] });
    }

    private static async Task<IResult> CloneAsync(
        [Description("The run's id")] string id, CloneRunRequest request, RunChecks checks, RunSubmission submission,
        RftDbContext db, Caller caller, TimeProvider clock, CancellationToken cancellation)
    {
        var original = PublicId.Run.TryParse(id, out var runId)
            ? await db.Runs.AsNoTracking().SingleOrDefaultAsync(run => run.Id == runId && run.ProjectId == caller.ProjectId, cancellation)
            : null;
        if (original is null)
        {
            return PublicId.Run.NotFound(id);
        }

        var recipe = RunView.RecipeOf(original);
        var copy = new CreateRunRequest
        {
            Name = request.Name ?? original.Name,
            Model = PublicId.Model.Format(original.ModelId),
            DatasetId = PublicId.Dataset.Format(original.DatasetId),
            EvaluationDatasetId = PublicId.Dataset.Format(original.EvaluationDatasetId),
            ExpertDatasetId = PublicId.Dataset.Format(original.ExpertDatasetId),
            RewardId = PublicId.Reward.Format(original.RewardId),
            RewardVersion = original.RewardVersion,
            Priority = request.Priority ?? original.Priority,
            Recipe = recipe with { Seed = request.Seed ?? recipe.Seed },
        };
        var (draft, refusal) = await checks.CheckAsync(copy, new HashSet<string>(), cancellation);
        if (draft is null)
        {
            return refusal!;
        }

        var origins = RunView.OriginsOf(original);
        foreach (var (pointer, changed) in new[] { ("/name", request.Name is not null), ("/priority", request.Priority is not null), ("/recipe/seed", request.Seed is not null) })
        {
            if (changed)
            {
                origins[pointer] = "given";
            }
        }

        return await SubmitAsync(draft, origins, submission, db, caller, clock, cancellation);
    }

    private static async Task<IResult> SubmitAsync(
        RunDraft draft, IReadOnlyDictionary<string, string> origins, RunSubmission submission, RftDbContext db, Caller caller,
        TimeProvider clock, CancellationToken cancellation)
    {
        if (await submission.SubmitAsync(draft, origins, cancellation) is not { } id)
        {
            return Problems.Conflict("deleted_meanwhile", "The model, a dataset or the reward was deleted while the run was checked: submit it again.");
        }

        var run = await RunView.FindAsync(db, caller.ProjectId, id, clock.GetUtcNow(), cancellation);
        return TypedResults.Created(run!.Links.Self, run);
    }

    private static async Task<Page<RunSummary>> ListAsync(
        [AsParameters] RunListQuery query, [AsParameters] PageRequest page, RftDbContext db, Caller caller, CancellationToken cancellation)
    {
        var runs = db.Runs.Where(run => run.ProjectId == caller.ProjectId);
        if (query.Parsed is { } status)
        {
            runs = runs.Where(run => run.Status == status);
        }

        var found = await runs.ToPageAsync(page, run => run, cancellation);
        var modelIds = found.Data.Select(run => run.ModelId).Distinct().ToList();
        var names = await db.Models.AsNoTracking().Where(model => modelIds.Contains(model.Id)).ToDictionaryAsync(model => model.Id, model => model.Name, cancellation);
        return new Page<RunSummary>([.. found.Data.Select(run => RunView.Summarize(run, names[run.ModelId]))], found.NextCursor, found.HasMore);
    }

    private static async Task<IResult> GetAsync(
        [Description("The run's id")] string id, HttpContext http, RftDbContext db, Caller caller, TimeProvider clock, CancellationToken cancellation)
    {
        var run = PublicId.Run.TryParse(id, out var runId)
            ? await RunView.FindAsync(db, caller.ProjectId, runId, clock.GetUtcNow(), cancellation)
            : null;
        if (run is null)
        {
            return PublicId.Run.NotFound(id);
        }

        // The remaining time changes with the clock: with it in the tag no poll would ever be answered 304.
        var content = JsonSerializer.SerializeToUtf8Bytes(run with { EtaSeconds = null }, JsonSetup.Options);
        var tag = $"W/\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 16))}\"";
        http.Response.Headers.ETag = tag;
        var known = http.Request.GetTypedHeaders().IfNoneMatch;
        return known.Any(candidate => candidate.ToString() == tag || candidate.Tag == "*")
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(run);
    }
}

/// <summary>Which runs to list.</summary>
public sealed record RunListQuery : IRequestQuery, IValidatableObject
{
    /// <summary>Only runs with this status.</summary>
    [FromQuery(Name = "status")]
    [Description("Only runs with this status: queued, running, paused, succeeded, failed or cancelled")]
    public string? Status { get; init; }

    internal RunStatus? Parsed =>
        Enum.GetValues<RunStatus>().Where(status => Name(status) == Status).Select(status => (RunStatus?)status).SingleOrDefault();

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Status is not null && Parsed is null)
        {
            yield return new ValidationResult($"expected one of {string.Join(", ", Enum.GetValues<RunStatus>().Select(Name))}, got '{Status}'", [nameof(Status)]);
        }
    }

    private static string Name(RunStatus status) => JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString());
}
