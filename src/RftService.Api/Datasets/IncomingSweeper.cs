using RftService.Data.Storage;

namespace RftService.Api.Datasets;

/// <summary>
/// Removes what a killed process has left of uploads. An upload in progress writes all the time (the server cuts off clients that
/// send almost nothing), so a file that nobody has written for an hour is dead. Safe beside other replicas.
/// </summary>
internal sealed partial class IncomingSweeper(ArtifactPaths paths, TimeProvider clock, ILogger<IncomingSweeper> logger) : BackgroundService
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
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Broken uploads could not be removed")]
    private static partial void LogFailed(ILogger logger, Exception fault);

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed the broken upload {Upload}")]
    private static partial void LogRemoved(ILogger logger, string upload);
}
