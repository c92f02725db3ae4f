using System.ComponentModel;
using Hangfire;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Jobs;
using RftService.Data.Models;
using RftService.Data.Storage;
using RftService.Engine.Models;

namespace RftService.Api.Models;

internal static partial class ModelsEndpoints
{
    public static void MapModels(this IEndpointRouteBuilder v1)
    {
        var models = v1.MapGroup("/models").WithTags("Models");
        models.MapPost("/", RegisterAsync).WithName("RegisterModel").WithSummary("Register a Hugging Face folder, or a model of the hub")
            .WithDescription("A folder below the model root is ready at once. A model of the hub is downloaded by a worker: poll it until its status is `ready`.")
            .AcceptsIdempotencyKey().ProducesProblems(400, 409, 422);
        models.MapGet("/", ListAsync).WithName("ListModels").WithSummary("List the registered models").ProducesProblems(400);
        models.MapGet("/available", Available).WithName("ListAvailableModels").WithSummary("List the folders that can be registered");
        models.MapGet("/{id}", GetAsync).WithName("GetModel").WithSummary("Show one model").Produces<ModelResponse>().ProducesProblems(404);
        models.MapPost("/{id}/download", DownloadAsync).WithName("DownloadModel").WithSummary("Try a failed download again")
            .WithDescription("What has arrived is kept, and the commit too. No effect on a download that waits or runs.")
            .Produces<ModelResponse>(StatusCodes.Status202Accepted).ProducesProblems(404, 409);
        models.MapDelete("/{id}", DeleteAsync).WithName("DeleteModel").WithSummary("Delete a model")
            .WithDescription("A registered folder stays as it is. What was downloaded from the hub goes, and a download under way ends.").ProducesProblems(404, 409);
    }

    private static async Task<Results<Created<ModelResponse>, ProblemResult>> RegisterAsync(
        RegisterModelRequest request, Caller caller, ResourceId resource, RftDbContext db, ArtifactPaths paths, TimeProvider clock,
        IBackgroundJobClient jobs, ILogger<BaseModel> logger, CancellationToken cancellation)
    {
        var (model, refusal) = request.Folder is { } folder
            ? OfFolder(folder, request.Name, caller, resource, paths, clock)
            : (OfHub(request.HubId!, request.Name, caller, resource, clock), null);
        if (model is null)
        {
            return refusal!;
        }

        db.Models.Add(model);
        try
        {
            await db.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException) when (db.Models.AsNoTracking().Any(made => made.Id == model.Id))
        {
            // by this very request, before a crash: its answer was lost, the model was not
        }
        catch (DbUpdateException taken) when (taken.IsTaken())
        {
            return Problems.Conflict("name_taken", $"There is a model '{request.Name}' already: take another name, or delete that one.",
                new ProblemError("/name", "name_taken", "must be unique in the project"));
        }

        if (model.Status == ModelStatus.Downloading)
        {
            Ring(jobs, model.Id, logger);
        }

        LogRegistered(logger, model.Id, model.Status);
        return TypedResults.Created($"/api/v1/models/{PublicId.Model.Format(model.Id)}", ModelResponse.From(model));
    }

    private static (BaseModel? Model, ProblemResult? Refusal) OfFolder(
        string given, string name, Caller caller, ResourceId resource, ArtifactPaths paths, TimeProvider clock)
    {
        var (folder, fault) = ModelRoot.Resolve(paths.ModelRoot, given);
        if (folder is null)
        {
            return (null, Problems.Unprocessable("model_folder_refused", new ProblemError("/folder", "model_folder_refused", fault ?? "cannot be used")));
        }

        try
        {
            // Hashes the weights here and not in a worker: the answer says at once what the model is or what is wrong with it, also where no worker
            // runs yet. A core hashes about 1 GB/s of files that are in memory; very large models on slow disks may outlast a proxy's patience.
            var info = ModelFolder.Inspect(paths.InModels(folder));
            return (new BaseModel
            {
                Id = resource.Value,
                ProjectId = caller.ProjectId,
                Name = name,
                Folder = folder,
                Family = info.Family,
                Parameters = info.Parameters,
                ContextLength = info.ContextLength,
                VocabularySize = info.VocabularySize,
                Dtype = info.Dtype,
                TiedEmbeddings = info.TiedEmbeddings,
                HasChatTemplate = info.HasChatTemplate,
                Sha256 = info.Sha256,
                Bytes = info.Bytes,
                CreatedAt = clock.GetUtcNow(),
            }, null);
        }
        catch (ModelFolderException broken)
        {
            var place = broken.Pointer.Length == 0 ? broken.File : $"{broken.File} at {broken.Pointer}";
            return (null, Problems.Unprocessable(
                "model_unreadable", new ProblemError("/folder", "model_unreadable", $"{place}: {broken.Message} {broken.Remedy}")));
        }
    }

    // Its folder is made from its id: nothing of what a client or the hub says becomes a path.
    private static BaseModel OfHub(string hubId, string name, Caller caller, ResourceId resource, TimeProvider clock) => new()
    {
        Id = resource.Value,
        ProjectId = caller.ProjectId,
        Name = name,
        Folder = BaseModel.HubPrefix + resource.Value.ToString("N"),
        Status = ModelStatus.Downloading,
        HubId = hubId,
        Family = "",
        Parameters = 0,
        ContextLength = 0,
        VocabularySize = 0,
        Dtype = "",
        TiedEmbeddings = false,
        HasChatTemplate = false,
        Sha256 = "",
        Bytes = 0,
        CreatedAt = clock.GetUtcNow(),
    };

    private static async Task<IResult> DownloadAsync(
        [Description("The model's id")] string id, Caller caller, RftDbContext db, IBackgroundJobClient jobs, ILogger<BaseModel> logger,
        CancellationToken cancellation)
    {
        if (!PublicId.Model.TryParse(id, out var modelId))
        {
            return PublicId.Model.NotFound(id);
        }

        var models = db.Models.Where(model => model.Id == modelId && model.ProjectId == caller.ProjectId);
        var again = await models.Where(model => model.Status == ModelStatus.Failed).ExecuteUpdateAsync(
            set => set.SetProperty(model => model.Status, ModelStatus.Downloading).SetProperty(model => model.FailureJson, (string?)null)
                .SetProperty(model => model.LeaseUntil, (DateTimeOffset?)null),
            cancellation);
        if (await models.AsNoTracking().SingleOrDefaultAsync(cancellation) is not { } model)
        {
            return PublicId.Model.NotFound(id);
        }

        if (model.Status != ModelStatus.Downloading)
        {
            return Problems.Conflict("model_ready", "The model is there already: nothing is to be downloaded.");
        }

        if (again == 1)
        {
            Ring(jobs, model.Id, logger);
        }

        return TypedResults.Accepted($"/api/v1/models/{id}", ModelResponse.From(model));
    }

    private static void Ring(IBackgroundJobClient jobs, Guid modelId, ILogger logger)
    {
        try
        {
            jobs.Enqueue<IDownloadModelJob>(job => job.ExecuteNextAsync(CancellationToken.None));
        }
        catch (BackgroundJobClientException lost)
        {
            LogEnqueueLost(logger, lost, modelId); // the row is stored, and the workers' sweeper finds it
        }
    }

    private static async Task<Ok<Page<ModelResponse>>> ListAsync(
        [AsParameters] PageRequest page, Caller caller, RftDbContext db, CancellationToken cancellation) =>
        TypedResults.Ok(await db.Models.Where(model => model.ProjectId == caller.ProjectId).ToPageAsync(page, ModelResponse.From, cancellation));

    private static Ok<AvailableModels> Available(ArtifactPaths paths) => TypedResults.Ok(ModelRoot.List(paths.ModelRoot));

    private static async Task<IResult> GetAsync(
        [Description("The model's id")] string id, HttpContext http, Caller caller, RftDbContext db, CancellationToken cancellation) =>
        PublicId.Model.TryParse(id, out var modelId)
            && await db.Models.AsNoTracking().SingleOrDefaultAsync(
                model => model.Id == modelId && model.ProjectId == caller.ProjectId, cancellation) is { } found
            ? EntityTag.OkOrNotModified(http, ModelResponse.From(found))
            : PublicId.Model.NotFound(id);

    private static async Task<Results<NoContent, ProblemResult>> DeleteAsync(
        [Description("The model's id")] string id, Caller caller, RftDbContext db, ModelFiles files, CancellationToken cancellation)
    {
        if (!PublicId.Model.TryParse(id, out var modelId))
        {
            return PublicId.Model.NotFound(id);
        }

        try
        {
            if (await db.Models.Where(model => model.Id == modelId && model.ProjectId == caller.ProjectId).ExecuteDeleteAsync(cancellation) == 0)
            {
                return PublicId.Model.NotFound(id);
            }
        }
        catch (PostgresException used) when (used.SqlState is PostgresErrorCodes.ForeignKeyViolation or PostgresErrorCodes.RestrictViolation)
        {
            return Problems.Conflict("model_in_use", "Runs were made with this model, and their checkpoints may need it: it stays.");
        }

        files.Delete(modelId);
        return TypedResults.NoContent();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Model {ModelId} registered: {Status}")]
    private static partial void LogRegistered(ILogger logger, Guid modelId, ModelStatus status);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {ModelId} is stored, but no worker was told; the sweeper will")]
    private static partial void LogEnqueueLost(ILogger logger, Exception lost, Guid modelId);
}
