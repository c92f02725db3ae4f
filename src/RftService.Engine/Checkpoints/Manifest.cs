using System.Security.Cryptography;
using System.Text.Json;

namespace RftService.Engine.Checkpoints;

/// <summary>What a checkpoint folder holds; written last, so a folder without it is unfinished.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="IsAdapter">True: PEFT layout. False: a whole Hugging Face model.</param>
/// <param name="Files">Every other file, in path order.</param>
public sealed record Manifest(int Step, bool IsAdapter, IReadOnlyList<ManifestFile> Files)
{
    /// <summary>Its file name.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Describes the files that lie in a folder.</summary>
    public static Manifest Of(string folder, int step, bool isAdapter) => new(step, isAdapter, [.. Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
        .Where(file => file != FileName)
        .Order(StringComparer.Ordinal)
        .Select(file => ManifestFile.Of(folder, file))]);

    /// <summary>Reads the manifest of a folder and compares every file with it.</summary>
    /// <exception cref="TrainingException">A file is missing, has another size or another hash.</exception>
    public static Manifest Verify(string folder)
    {
        var manifest = Read(folder);
        foreach (var file in manifest.Files)
        {
            var info = new FileInfo(Path.Combine(folder, file.Path));
            if (!info.Exists || info.Length != file.Bytes)
            {
                throw Damaged(folder, $"{file.Path}: expected {file.Bytes} bytes, got {(info.Exists ? info.Length : "no file")}");
            }

            if (ManifestFile.Of(folder, file.Path).Sha256 != file.Sha256)
            {
                throw Damaged(folder, $"{file.Path}: its SHA-256 is not that of the manifest");
            }
        }

        return manifest;
    }

    /// <summary>Writes it into its folder.</summary>
    public void Write(string folder) =>
        File.WriteAllBytes(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, TrainerState.Json));

    internal static TrainingException Damaged(string folder, string what, Exception? inner = null) => new(
        TrainingFault.CheckpointUnreadable,
        $"The checkpoint {Path.GetFileName(folder)} is damaged. {what}.",
        "Go on from an earlier checkpoint, or submit the run again.",
        inner);

    private static Manifest Read(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize<Manifest>(File.ReadAllBytes(Path.Combine(folder, FileName)), TrainerState.Json)
                ?? throw Damaged(folder, $"{FileName} is empty");
        }
        catch (Exception failure) when (failure is IOException or JsonException)
        {
            throw Damaged(folder, $"{FileName} is missing or malformed", failure);
        }
    }
}

/// <summary>One file of a checkpoint.</summary>
/// <param name="Path">Relative, with forward slashes.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Sha256">Lower-case hex.</param>
public sealed record ManifestFile(string Path, long Bytes, string Sha256)
{
    internal static ManifestFile Of(string folder, string path)
    {
        using var stream = File.OpenRead(System.IO.Path.Combine(folder, path));
        return new ManifestFile(path, stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}
