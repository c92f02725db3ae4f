using System.Formats.Tar;

namespace RftService.Api.Checkpoints;

/// <summary>A tar that is made while it is sent. The same files give the same bytes.</summary>
internal static class CheckpointArchive
{
    // What the size field of the plain ustar header can hold.
    private const long UstarMaxBytes = 8L * 1024 * 1024 * 1024 - 1;

    /// <param name="target">The response.</param>
    /// <param name="root">Folder inside the archive.</param>
    /// <param name="files">Names inside the folder and where they lie.</param>
    /// <param name="time">Modification time of every entry.</param>
    /// <param name="cancellation">The client's.</param>
    public static async Task WriteAsync(
        Stream target, string root, IEnumerable<(string Name, string Path)> files, DateTimeOffset time, CancellationToken cancellation)
    {
        await using var tar = new TarWriter(target, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var (name, path) in files)
        {
            await using var content = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 64 * 1024, useAsync: true);
            TarEntry entry = content.Length <= UstarMaxBytes
                ? new UstarTarEntry(TarEntryType.RegularFile, $"{root}/{name}")
                : new PaxTarEntry(TarEntryType.RegularFile, $"{root}/{name}");
            entry.ModificationTime = time;
            entry.Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
            entry.DataStream = content;
            await tar.WriteEntryAsync(entry, cancellation);
        }
    }
}
