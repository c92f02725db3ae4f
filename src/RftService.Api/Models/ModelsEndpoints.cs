using System.ComponentModel;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Models;
using RftService.Data.Storage;
using RftService.Engine.Models;

namespace RftService.Api.Models;

internal static partial class ModelsEndpoints
{
    public static void MapModels(this IEndpointRouteBuilder v1)
    {
        var models = v1.MapGroup("/models").WithTags("Models");
        models.MapPost("/", RegisterAsync).WithName("RegisterModel").WithSummary("Register a Hugging Face folder below the model root")
            .AcceptsIdempotencyKey().ProducesProblems(400, 409, 422);
        models.MapGet("/", ListAsync).WithName("ListModels").WithSummary("List the registered models").ProducesProblems(400);
        models.MapGet("/available", Available).WithName("ListAvailableModels").WithSummary("List the folders that can be registered");
        models.MapGet("/{id}", GetAsync).WithName("GetModel").WithSummary("Show one model").Produces<ModelResponse>().ProducesProblems(404);
        models.MapDelete("/{id}", DeleteAsync).WithName("DeleteModel").WithSummary("Forget a model; its files stay").ProducesProblems(404, 409);
    }

    private static async Task<Results<Created<ModelResponse>, ProblemResult>> RegisterAsync(
        RegisterModelRequest request, Caller caller, ResourceId resource, RftDbContext db, ArtifactPaths paths, TimeProvider clock,
        ILogger<BaseModel> logger, CancellationToken cancellation)
    {
        var (folder, fault) = ModelRoot.Resolve(paths.ModelRoot, request.Folder);
        if (folder is null)
        {
            return Problems.Unprocessable("model_folder_refused", new ProblemError("/folder", "model_folder_refused", fault ?? "cannot be used"));
        }

        ModelInfo info;
        try
        {
            info = ModelFolder.Inspect(paths.InModels(folder));
        }
        catch (ModelFolderException broken)
        {
            var place = broken.Pointer.Length == 0 ? broken.File : $"{broken.File} at {broken.Pointer}";
            return Problems.Unprocessable("model_unreadable", new ProblemError("/folder", "model_unreadable", $"{place}: {broken.Message} {broken.Remedy}"));
        }

        var model = new BaseModel
        {
            Id = resource.Value,
            ProjectId = caller.ProjectId,
            Name = request.Name,
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
        };
        db.Models.Add(model);
        try
        {
            await db.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException) when (db.Models.AsNoTracking().Any(made => made.Id == model.Id))
        {
            // by this very request, before a crash: its answer was lost, the model was not
        }
        catch (DbUpdateException taken) when (taken.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return Problems.Conflict("name_taken", $"There is a model '{request.Name}' already: take another name, or delete that one.",
                new ProblemError("/name", "name_taken", "must be unique in the project"));
        }

        LogRegistered(logger, model.Id, model.Family, model.Parameters);
        return TypedResults.Created($"/api/v1/models/{PublicId.Model.Format(model.Id)}", ModelResponse.From(model));
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
        [Description("The model's id")] string id, Caller caller, RftDbContext db, CancellationToken cancellation)
    {
        if (!PublicId.Model.TryParse(id, out var modelId))
        {
            return PublicId.Model.NotFound(id);
        }

        try
        {
            return await db.Models.Where(model => model.Id == modelId && model.ProjectId == caller.ProjectId).ExecuteDeleteAsync(cancellation) == 1
                ? TypedResults.NoContent()
                : PublicId.Model.NotFound(id);
        }
        catch (PostgresException used) when (used.SqlState is PostgresErrorCodes.ForeignKeyViolation or PostgresErrorCodes.RestrictViolation)
        {
            return Problems.Conflict("model_in_use", "Runs were made with this model, and their checkpoints may need it: it stays.");
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Model {ModelId} registered: {Family}, {Parameters} parameters")]
    private static partial void LogRegistered(ILogger logger, Guid modelId, string family, long parameters);
}
