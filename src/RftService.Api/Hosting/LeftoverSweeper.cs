using System.Data.Common;
using RftService.Api.Datasets;
using RftService.Api.Models;
using RftService.Data.Storage;

namespace RftService.Api.Hosting;

/// <summary>
/// Removes what a killed process has left of uploads and of deletions of datasets and models. An upload in progress writes all the time (the
/// server cuts off clients that send almost nothing), so a file that nobody has written for an hour is dead. Safe beside other replicas.
/// </summary>
internal sealed partial class LeftoverSweeper(
    ArtifactPaths paths, IServiceScopeFactory scopes, TimeProvider clock, ILogger<LeftoverSweeper> logger) : BackgroundService
{
    private static readonly TimeSpan _dead = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_dead, clock);
        do
        {
            try
            {
                Sweep();
                await RemoveOrphansAsync(stoppingToken);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or DbException or InvalidOperationException { InnerException: DbException })
            {
                LogFailed(logger, fault); // what cannot be tidied up must not stop the service
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    internal void Sweep()
    {
        if (!Directory.Exists(paths.Incoming))
        {
            return;
        }

        // Rows and index of an upload live and die together: the index of large rows is written seldom.
        var before = clock.GetUtcNow().UtcDateTime - _dead;
        var uploads = new DirectoryInfo(paths.Incoming).EnumerateFiles("dataset-*").GroupBy(file => Path.GetFileNameWithoutExtension(file.Name));
        foreach (var upload in uploads.Where(upload => upload.All(file => file.LastWriteTimeUtc < before)))
        {
            foreach (var file in upload)
            {
                file.Delete();
            }

            LogRemoved(logger, upload.Key);
        }
    }

    private async Task RemoveOrphansAsync(CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var before = clock.GetUtcNow() - _dead;
        var datasets = await scope.ServiceProvider.GetRequiredService<DatasetStore>().RemoveOrphansAsync(before, cancellation);
        var models = await scope.ServiceProvider.GetRequiredService<ModelFiles>().RemoveOrphansAsync(before, cancellation);
        if (datasets + models > 0)
        {
            LogOrphans(logger, datasets, models);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Leftover files could not be removed")]
    private static partial void LogFailed(ILogger logger, Exception fault);

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed the broken upload {Upload}")]
    private static partial void LogRemoved(ILogger logger, string upload);

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed the files of {Datasets} datasets and {Models} models that nothing uses")]
    private static partial void LogOrphans(ILogger logger, int datasets, int models);
}
