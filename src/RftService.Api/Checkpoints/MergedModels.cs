using RftService.Data.Checkpoints;
using RftService.Data.Models;
using RftService.Data.Storage;
using RftService.Engine.Checkpoints;

namespace RftService.Api.Checkpoints;

/// <summary>
/// Whole models made from adapters, kept below the data folder for a day after their last use. One is made at a time: a merge
/// reads and writes gigabytes.
/// </summary>
internal sealed class MergedModels(ArtifactPaths paths, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan _kept = TimeSpan.FromDays(1);
    private readonly SemaphoreSlim _one = new(1);

    private string Root => Path.Combine(paths.DataFolder, "merged");

    /// <summary>The folder with the merged model; made now if there is none yet.</summary>
    /// <exception cref="Engine.Models.ModelFolderException">Base model and adapter do not fit.</exception>
    public async Task<string> FolderAsync(BaseModel model, Checkpoint checkpoint, string checkpointFolder, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            // Both hashes: the same adapter over another base is another model.
            var folder = Path.Combine(Root, $"{checkpoint.Sha256}-{model.Sha256[..16]}");
            RemoveUnused(folder);
            if (!Directory.Exists(folder))
            {
                Make(folder, paths.InModels(model.Folder), checkpointFolder, cancellation);
            }

            Directory.SetLastWriteTimeUtc(folder, clock.GetUtcNow().UtcDateTime);
            return folder;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private void Make(string folder, string baseFolder, string checkpointFolder, CancellationToken cancellation)
    {
        var temporary = Path.Combine(Root, $".{Guid.NewGuid():N}.partial");
        Directory.CreateDirectory(temporary);
        try
        {
            MergedExport.Write(baseFolder, checkpointFolder, temporary, cancellation);
            Directory.Move(temporary, folder);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    private void RemoveUnused(string except)
    {
        if (!Directory.Exists(Root))
        {
            return;
        }

        var before = clock.GetUtcNow().UtcDateTime - _kept;
        foreach (var folder in new DirectoryInfo(Root).EnumerateDirectories().Where(folder => folder.FullName != except && folder.LastWriteTimeUtc < before))
        {
            folder.Delete(recursive: true);
        }
    }
}
