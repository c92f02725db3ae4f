using Microsoft.EntityFrameworkCore;
using RftService.Data;
using RftService.Data.Models;
using RftService.Data.Storage;

namespace RftService.Api.Models;

/// <summary>Deletes what was downloaded of models that are gone.</summary>
internal sealed partial class ModelFiles(RftDbContext db, ArtifactPaths paths, ILogger<ModelFiles> logger)
{
    /// <summary>
    /// Deletes the download of a model whose row is gone. Each has a folder of its own, made from the model's id: no other model has it, and runs,
    /// which would need it, keep the row.
    /// </summary>
    /// <returns>Whether nothing is left; what is left, <see cref="RemoveOrphansAsync"/> finds.</returns>
    public bool Delete(Guid modelId)
    {
        var folder = paths.InModels(BaseModel.HubPrefix + modelId.ToString("N"));
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            LogFilesLeft(logger, fault, modelId); // a worker that still writes there clears it away
            return false;
        }
    }

    /// <summary>Deletes folders of models that have no row: of a deletion that was killed half way, or whose files could not be deleted then.</summary>
    /// <param name="before">A folder where something is younger is left alone.</param>
    /// <param name="cancellation">Ends it between two folders.</param>
    /// <returns>How many were deleted.</returns>
    public async Task<int> RemoveOrphansAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        // Without a single model it is more likely that this is not the database which these files belong to.
        if (!Directory.Exists(paths.Models) || !await db.Models.AnyAsync(cancellation))
        {
            return 0;
        }

        var removed = 0;
        foreach (var folder in new DirectoryInfo(paths.Models).EnumerateDirectories())
        {
            cancellation.ThrowIfCancellationRequested();
            if (Guid.TryParseExact(folder.Name, "N", out var modelId) && IsOlder(folder, before)
                && !await db.Models.AnyAsync(model => model.Id == modelId, cancellation) && Delete(modelId))
            {
                removed++;
            }
        }

        return removed;
    }

    private static bool IsOlder(DirectoryInfo folder, DateTimeOffset before) => folder.EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
        .Prepend(folder).All(entry => entry.LastWriteTimeUtc < before.UtcDateTime);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {ModelId} is deleted, but not all of its files")]
    private static partial void LogFilesLeft(ILogger logger, Exception fault, Guid modelId);
}
