using System.ComponentModel;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Checkpoints;
using RftService.Data.Storage;

namespace RftService.Api.Checkpoints;

internal static class CheckpointsEndpoints
{
    public static void MapCheckpoints(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/runs/{run_id}/checkpoints", ListAsync).WithTags("Checkpoints").WithName("ListRunCheckpoints")
            .WithSummary("List the checkpoints of a run, newest first")
            .Produces<Page<CheckpointResponse>>().ProducesProblems(400, 404);
        var checkpoints = v1.MapGroup("/checkpoints").WithTags("Checkpoints");
        checkpoints.MapGet("/{id}", GetAsync).WithName("GetCheckpoint").WithSummary("Show one checkpoint with its files")
            .Produces<CheckpointResponse>().ProducesProblems(404);
        checkpoints.MapGet("/{id}/files/{**name}", FileAsync).WithName("DownloadCheckpointFile").WithSummary("Download one file of a checkpoint")
            .WithDescription("Takes Range (206, 416) and If-None-Match (304); the ETag is the file's sha256.")
            .Produces(StatusCodes.Status200OK, contentType: "application/octet-stream").ProducesProblems(404);
        checkpoints.MapGet("/{id}/archive", CheckpointArchiveEndpoint.ArchiveAsync).WithName("DownloadCheckpointArchive")
            .WithSummary("Download a checkpoint as a tar")
            .WithDescription("A Hugging Face folder: `tar xf` it and load it. Adapters are in the PEFT layout, or merged into a whole model.")
            .Produces(StatusCodes.Status200OK, contentType: CheckpointArchiveEndpoint.ContentType).ProducesProblems(400, 404, 422);
    }

    /// <summary>The project's checkpoint.</summary>
    public static async Task<Checkpoint?> FindCheckpointAsync(this RftDbContext db, Caller caller, string id, CancellationToken cancellation) =>
        PublicId.Checkpoint.TryParse(id, out var guid)
            ? await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(
                checkpoint => checkpoint.Id == guid && checkpoint.ProjectId == caller.ProjectId, cancellation)
            : null;

    /// <summary>The row is there, the folder is not.</summary>
    public static ProblemResult FilesMissing(string id) => Problems.Of(StatusCodes.Status404NotFound, "checkpoint_files_missing",
        $"The files of {id} are not in the data folder: they were removed, or Api and worker have different data folders.");

    private static async Task<Results<Ok<Page<CheckpointResponse>>, ProblemResult>> ListAsync(
        [FromRoute(Name = "run_id"), Description("The run's id")] string runId, [AsParameters] PageRequest page, Caller caller, RftDbContext db, CancellationToken cancellation) =>
        PublicId.Run.TryParse(runId, out var run) && await db.Runs.AnyAsync(one => one.Id == run && one.ProjectId == caller.ProjectId, cancellation)
            ? TypedResults.Ok(await db.Checkpoints.Where(checkpoint => checkpoint.RunId == run).ToPageAsync(page, CheckpointResponse.From, cancellation))
            : PublicId.Run.NotFound(runId);

    private static async Task<IResult> GetAsync(
        [Description("The checkpoint's id")] string id, HttpContext http, Caller caller, RftDbContext db, ArtifactPaths paths, CancellationToken cancellation)
    {
        if (await db.FindCheckpointAsync(caller, id, cancellation) is not { } checkpoint)
        {
            return PublicId.Checkpoint.NotFound(id);
        }

        return CheckpointFiles.Open(paths, checkpoint) is { } files
            ? EntityTag.OkOrNotModified(http, CheckpointResponse.From(checkpoint) with { Files = files.All })
            : FilesMissing(id);
    }

    private static async Task<IResult> FileAsync(
        [Description("The checkpoint's id")] string id, [Description("Name of the file, as listed with the checkpoint")] string name,
        Caller caller, RftDbContext db, ArtifactPaths paths, CancellationToken cancellation)
    {
        if (await db.FindCheckpointAsync(caller, id, cancellation) is not { } checkpoint)
        {
            return PublicId.Checkpoint.NotFound(id);
        }

        if (CheckpointFiles.Open(paths, checkpoint) is not { } files)
        {
            return FilesMissing(id);
        }

        if (files.Find(name) is not { } file)
        {
            return Problems.NotFound("file of this checkpoint", name);
        }

        var path = files.PathOf(file);
        return File.Exists(path)
            ? TypedResults.PhysicalFile(
                path, "application/octet-stream", Path.GetFileName(file.Name), checkpoint.CreatedAt,
                new EntityTagHeaderValue($"\"{file.Sha256}\""), enableRangeProcessing: true)
            : FilesMissing(id);
    }
}
