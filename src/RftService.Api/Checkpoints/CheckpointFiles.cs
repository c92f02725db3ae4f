using System.Text.Json;
using RftService.Data.Checkpoints;
using RftService.Data.Storage;
using RftService.Engine.Checkpoints;

namespace RftService.Api.Checkpoints;

/// <summary>The files of a checkpoint as its manifest names them. Nothing else of the folder can be reached.</summary>
internal sealed class CheckpointFiles
{
    private const string TrainerFolder = "trainer/";
    private static readonly JsonSerializerOptions _json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private CheckpointFiles(string folder, IReadOnlyList<CheckpointFile> all) => (Folder, All) = (folder, all);

    /// <summary>Absolute.</summary>
    public string Folder { get; }

    /// <summary>The manifest itself first.</summary>
    public IReadOnlyList<CheckpointFile> All { get; }

    /// <summary>What others than this service can use.</summary>
    public IEnumerable<CheckpointFile> Portable => All.Where(file => !file.Name.StartsWith(TrainerFolder, StringComparison.Ordinal));

    /// <summary>Null when the folder is gone or not on this machine's disk.</summary>
    public static CheckpointFiles? Open(ArtifactPaths paths, Checkpoint checkpoint)
    {
        var folder = paths.InData(checkpoint.Folder);
        var manifestFile = new FileInfo(Path.Combine(folder, Manifest.FileName));
        if (!manifestFile.Exists)
        {
            return null;
        }

        var manifest = JsonSerializer.Deserialize<Manifest>(File.ReadAllBytes(manifestFile.FullName), _json)
            ?? throw new InvalidOperationException($"Checkpoint {checkpoint.Id}: {Manifest.FileName} is empty.");
        return new CheckpointFiles(folder,
        [
            new CheckpointFile(Manifest.FileName, manifestFile.Length, checkpoint.Sha256),
            .. manifest.Files.Select(file => new CheckpointFile(file.Path, file.Bytes, file.Sha256)),
        ]);
    }

    /// <summary>By its exact name.</summary>
    public CheckpointFile? Find(string name) => All.FirstOrDefault(file => file.Name == name);

    public string PathOf(CheckpointFile file)
    {
        var path = Path.GetFullPath(Path.Combine(Folder, file.Name));
        return path.StartsWith(Folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? path
            : throw new InvalidOperationException($"The manifest of {Folder} names a file outside of it.");
    }
}
