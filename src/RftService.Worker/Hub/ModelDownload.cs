using Microsoft.Extensions.Options;
using RftService.Data.Models;
using RftService.Engine.Models;

namespace RftService.Worker.Hub;

/// <summary>Brings a model from the hub into its folder, and looks whether it can be trained: at its config before the weights are brought.</summary>
internal sealed class ModelDownload(HubClient hub, FileDownload files, IOptions<HubOptions> options)
{
    private const string Retry = "Make room on the worker's data folder, then ask for the download again: what has arrived is kept.";

    /// <param name="id">The model.</param>
    /// <param name="commit">Commit of an earlier try, which its files belong to; null at first.</param>
    /// <param name="folder">Its own.</param>
    /// <param name="progress">Where it stands; read from other threads.</param>
    /// <param name="cancellation">Stops it; what has arrived is kept.</param>
    /// <exception cref="HubException">It cannot be brought.</exception>
    /// <exception cref="ModelFolderException">It is none that this service can train.</exception>
    public async Task<ModelInfo> RunAsync(HubModelId id, string? commit, string folder, DownloadProgress progress, CancellationToken cancellation)
    {
        try
        {
            var listing = await ListAsync(commit is null ? id : id with { Revision = commit }, cancellation);
            progress.Commit = listing.Commit;
            Directory.CreateDirectory(folder);
            await FetchAsync(listing.Index is { } index ? [.. listing.Small, index] : listing.Small);
            _ = ModelConfig.Load(folder);

            var weights = listing.Needed(listing.Index is { } of ? await File.ReadAllBytesAsync(Path.Combine(folder, of.Name), cancellation) : null);
            RequireRoom(listing, weights, folder, progress);
            await FetchAsync(weights);
            return ModelFolder.Inspect(folder);

            async Task FetchAsync(IReadOnlyList<HubFile> wanted)
            {
                foreach (var file in wanted)
                {
                    await files.FetchAsync(id, listing.Commit, file, folder, progress, cancellation);
                }
            }
        }
        catch (IOException fault) when (fault is not HttpIOException)
        {
            throw new HubException("storage_failed", "A file of the model could not be written.", Retry, inner: fault);
        }
    }

    private async Task<HubListing> ListAsync(HubModelId id, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await hub.ListAsync(id, cancellation);
            }
            catch (HubException fault) when (fault.MayPass && tries < options.Value.MaxTries)
            {
                await Task.Delay(TimeSpan.FromSeconds(Math.Min(30, options.Value.RetrySeconds * Math.Pow(2, tries))), cancellation);
            }
        }
    }

    private void RequireRoom(HubListing listing, IReadOnlyList<HubFile> weights, string folder, DownloadProgress progress)
    {
        var all = weights.Concat(listing.Small).Concat(listing.Index is { } index ? [index] : []).ToList();
        if (all.Any(file => file.Bytes is null))
        {
            return; // known only when each of them is opened
        }

        var total = all.Sum(file => file.Bytes!.Value);
        progress.Total = total;
        if (total > options.Value.MaxBytes)
        {
            throw new HubException(
                "model_too_large", $"The model has {total} bytes, this service takes {options.Value.MaxBytes}.",
                "Take a smaller model; the operator can raise Rft:Hub:MaxBytes.");
        }

        var (missing, free) = (total - progress.Done, new DriveInfo(folder).AvailableFreeSpace);
        if (missing > free)
        {
            throw new HubException("storage_failed", $"{missing} bytes are still to come, and there is room for {free}.", Retry);
        }
    }
}
