using System.Globalization;
using Npgsql;
using RftService.Data.Storage;

namespace RftService.Worker.Queue;

/// <summary>
/// Deletes what crashes left in the artifact store. Files cannot be fenced, so each attempt has a folder of its own, and what has no
/// checkpoint row there was never published.
/// </summary>
internal sealed partial class AttemptFolders(NpgsqlDataSource database, ArtifactPaths paths, ILogger<AttemptFolders> logger)
{
    private const string AttemptPrefix = "attempt-";

    /// <summary>Deletes unpublished checkpoints of attempts that have ended. Folders of runs unknown to this database are left alone.</summary>
    public async Task DeleteOrphansAsync(CancellationToken cancellation)
    {
        var runs = new DirectoryInfo(Path.Combine(paths.DataFolder, "runs"));
        if (!runs.Exists)
        {
            return;
        }

        foreach (var folder in runs.EnumerateDirectories())
        {
            if (Guid.TryParseExact(folder.Name, "N", out var runId) && await ReadRunAsync(runId, cancellation) is { } run)
            {
                DeleteOrphans(folder, run);
            }
        }
    }

    private void DeleteOrphans(DirectoryInfo runFolder, KnownRun run)
    {
        foreach (var attempt in runFolder.EnumerateDirectories(AttemptPrefix + "*"))
        {
            if (!int.TryParse(attempt.Name.AsSpan(AttemptPrefix.Length), CultureInfo.InvariantCulture, out var number) || number >= run.LiveFrom)
            {
                continue;
            }

            foreach (var checkpoint in attempt.EnumerateDirectories())
            {
                if (!run.Published.Contains(checkpoint.FullName))
                {
                    checkpoint.Delete(recursive: true);
                    LogDeleted(logger, checkpoint.FullName);
                }
            }

            if (!attempt.EnumerateFileSystemInfos().Any())
            {
                attempt.Delete();
            }
        }
    }

    private async Task<KnownRun?> ReadRunAsync(Guid runId, CancellationToken cancellation)
    {
        // Attempts from this one on may still write: the running one, or the next claim of a run that waits.
        const string sql = """
            select case when status = 'Running' then attempt else attempt + 1 end,
                   coalesce((select array_agg(folder) from checkpoints where run_id = runs.id), '{}')
            from runs where id = $1
            """;
        await using var command = database.CreateCommand(sql);
        command.Parameters.Add(new() { Value = runId });
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation)
            ? new KnownRun(reader.GetInt32(0), reader.GetFieldValue<string[]>(1).Select(paths.InData).ToHashSet())
            : null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Deleted {Folder}: its attempt ended before it was published")]
    private static partial void LogDeleted(ILogger logger, string folder);

    private sealed record KnownRun(int LiveFrom, HashSet<string> Published);
}
