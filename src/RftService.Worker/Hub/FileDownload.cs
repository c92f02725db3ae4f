using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using RftService.Data.Models;

namespace RftService.Worker.Hub;

/// <summary>
/// Brings one file. It grows as `name.partial`, goes on where it stopped, and gets its name when size and hash are right: what has its name
/// is never looked at again.
/// </summary>
internal sealed partial class FileDownload(HubClient hub, IOptions<HubOptions> options, ILogger<FileDownload> logger)
{
    private const int Buffer = 1 << 18;

    /// <param name="id">The model.</param>
    /// <param name="commit">Of its listing.</param>
    /// <param name="file">The file.</param>
    /// <param name="folder">Where it goes.</param>
    /// <param name="progress">Told what comes.</param>
    /// <param name="cancellation">Stops it; what has arrived is kept.</param>
    /// <exception cref="HubException">It cannot be brought.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public async Task FetchAsync(HubModelId id, string commit, HubFile file, string folder, DownloadProgress progress, CancellationToken cancellation)
    {
        var target = Path.Combine(folder, file.Name);
        var partial = new FileInfo(target + ".partial");
        if (File.Exists(target))
        {
            progress.Add(new FileInfo(target).Length);
            return;
        }

        progress.Add(partial.Exists ? partial.Length : 0);
        var (tries, damaged) = (0, false);
        while (true)
        {
            var before = Length(partial);
            try
            {
                var (total, hash) = await ReceiveAsync(id, commit, file, partial, progress, cancellation);
                if (Length(partial) < total)
                {
                    throw HubClient.Unreachable(new HttpRequestException("It ended early."));
                }

                if (Length(partial) == total && (hash is null || await HashAsync(partial.FullName, hash.Length, cancellation) == hash))
                {
                    File.Move(partial.FullName, target);
                    return;
                }

                progress.Add(-Length(partial));
                partial.Delete();
                damaged = !damaged ? true : throw new HubException(
                    "checksum_mismatch", $"{file.Name} arrived twice with another content than the hub says.",
                    "Something between the hub and the worker changes files: check Rft:Hub:Endpoint, then ask for the download again.", file: file.Name);
                LogDamaged(logger, file.Name);
            }
            catch (Exception fault) when (fault is HubException { MayPass: true } || (fault is not HubException && HubClient.IsBroken(fault, cancellation)))
            {
                tries = Length(partial) > before ? 0 : tries + 1;
                if (tries >= options.Value.MaxTries)
                {
                    throw fault as HubException ?? HubClient.Unreachable(fault);
                }

                var position = Length(partial);
                LogBroken(logger, file.Name, position, fault.Message);
                await Task.Delay(TimeSpan.FromSeconds(Math.Min(30, options.Value.RetrySeconds * Math.Pow(2, tries))), cancellation);
            }
        }
    }

    // The size that the file should have, and its hash.
    private async Task<(long Total, string? Hash)> ReceiveAsync(
        HubModelId id, string commit, HubFile file, FileInfo partial, DownloadProgress progress, CancellationToken cancellation)
    {
        var from = Length(partial);
        using var content = await hub.OpenAsync(id, commit, file.Name, from, cancellation);
        if (content.Start is not { } start)
        {
            return (file.Bytes ?? content.Total ?? from, file.Hash ?? content.Hash); // all of it is here
        }

        if (start > from)
        {
            throw new HubException("hub_answer_unreadable", "The hub answered with another part of the file than asked for.", "Check Rft:Hub:Endpoint.");
        }

        await using var target = new FileStream(partial.FullName, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        target.SetLength(start);
        target.Position = start;
        progress.Add(start - from);
        var total = file.Bytes ?? content.Total;
        await CopyAsync(content, target, total ?? options.Value.MaxBytes, progress, cancellation);
        target.Flush(flushToDisk: true);
        return (total ?? target.Position, file.Hash ?? content.Hash);
    }

    private async Task CopyAsync(HubContent content, FileStream target, long most, DownloadProgress progress, CancellationToken cancellation)
    {
        await using var source = await content.OpenAsync(cancellation);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var buffer = new byte[Buffer];
        while (true)
        {
            patience.CancelAfter(TimeSpan.FromSeconds(options.Value.StallSeconds));
            var read = await source.ReadAsync(buffer, patience.Token);
            if (read == 0)
            {
                return;
            }

            if (target.Position + read > most)
            {
                throw new HubException("hub_inconsistent", "A file is larger than the hub says.", "Register the model again.");
            }

            await target.WriteAsync(buffer.AsMemory(0, read), cancellation);
            progress.Receive(read);
        }
    }

    // 64 digits: SHA-256 of the content. 40: SHA-1 as git makes it, over a header and the content.
    private static async Task<string> HashAsync(string path, int digits, CancellationToken cancellation)
    {
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);
        if (digits == 64)
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation));
        }

#pragma warning disable CA5350 // git's own; it finds damage, not forgery
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {stream.Length}\0"));
        var buffer = new byte[1 << 20];
        for (int read; (read = await stream.ReadAsync(buffer, cancellation)) > 0;)
        {
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static long Length(FileInfo file)
    {
        file.Refresh();
        return file.Exists ? file.Length : 0;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{File} broke off at byte {Position} and is gone on with: {Reason}")]
    private static partial void LogBroken(ILogger logger, string file, long position, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} arrived damaged and is brought again")]
    private static partial void LogDamaged(ILogger logger, string file);
}
