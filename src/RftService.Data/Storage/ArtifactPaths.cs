using RftService.Data.Models;

namespace RftService.Data.Storage;

/// <summary>Where things lie. Paths are made from ids and hashes, never from what a client sent.</summary>
public sealed class ArtifactPaths(StorageOptions options)
{
    public string DataFolder { get; } = Path.GetFullPath(options.DataFolder);

    public string ModelRoot { get; } = Path.GetFullPath(options.ModelRoot);

    /// <summary>Files of datasets, in folders by the first byte of their hash.</summary>
    public string Datasets => Path.Combine(DataFolder, "datasets");

    /// <summary>The JSONL file with this content.</summary>
    public string Dataset(string sha256) => Path.Combine(Datasets, sha256[..2], sha256 + ".jsonl");

    /// <summary>Start offsets of its rows: little-endian int64 each, `Rows` entries, then the file's length.</summary>
    public string DatasetIndex(string sha256) => Path.Combine(Datasets, sha256[..2], sha256 + ".idx");

    /// <summary>Models that came from the hub, each in a folder named by its id.</summary>
    public string Models => Path.Combine(DataFolder, "models");

    /// <summary>Files that are still being written; may be emptied when nothing runs.</summary>
    public string Incoming => Path.Combine(DataFolder, "incoming");

    /// <summary>Checkpoints of one attempt, relative to the data folder. The attempt is in the path because files cannot be fenced.</summary>
    public static string AttemptFolder(Guid runId, int attempt) => Path.Combine("runs", runId.ToString("N"), $"attempt-{attempt}");

    /// <summary>A folder below the data folder, as stored in a row.</summary>
    public string InData(string relative) => Inside(DataFolder, relative);

    /// <summary>The folder of a model as stored in a row: below the model root, or, with `hub:`, that of a download in the data folder.</summary>
    public string InModels(string stored) => stored.StartsWith(BaseModel.HubPrefix, StringComparison.Ordinal)
        ? Path.Combine(Models, Guid.ParseExact(stored[BaseModel.HubPrefix.Length..], "N").ToString("N"))
        : Inside(ModelRoot, stored);

    private static string Inside(string root, string relative)
    {
        var full = Path.GetFullPath(Path.Combine(root, relative));
        return full == root || full.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? full
            : throw new InvalidOperationException($"The stored path leaves its root: {relative}");
    }
}
