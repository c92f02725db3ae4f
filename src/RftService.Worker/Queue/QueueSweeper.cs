using Hangfire;
using Npgsql;
using RftService.Data.Jobs;

namespace RftService.Worker.Queue;

/// <summary>
/// Sees to it that every claimable run has a token in Hangfire: one can be missing after a crash between commit and enqueue, and when a
/// lease has expired. One worker sweeps at a time.
/// </summary>
internal sealed partial class QueueSweeper(
    NpgsqlDataSource database, JobStorage storage, IBackgroundJobClient jobs, AttemptFolders folders, TimeProvider clock, ILogger<QueueSweeper> logger)
    : BackgroundService
{
    internal const long LockKey = 0x5246_5457; // any constant, the same for all workers
    private const int MostTokensAtOnce = 100;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FoldersEvery = TimeSpan.FromMinutes(1);

    /// <summary>Issues missing tokens; 0 also when another worker sweeps.</summary>
    public async Task<int> SweepAsync(CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var command = new NpgsqlCommand(
            $"select case when pg_try_advisory_xact_lock({LockKey}) then (select count(*) from runs q where {RunQueue.Claimable}) else 0 end", connection);
        var claimable = (long)(await command.ExecuteScalarAsync(cancellation))!;
        if (claimable == 0)
        {
            return 0;
        }

        var missing = (int)Math.Min(claimable - storage.GetMonitoringApi().EnqueuedCount(JobQueues.Training), MostTokensAtOnce);
        for (var token = 0; token < missing; token++)
        {
            jobs.Enqueue<ITrainRunJob>(job => job.ExecuteNextAsync(CancellationToken.None));
        }

        if (missing > 0)
        {
            LogIssued(logger, missing, claimable);
        }

        return Math.Max(missing, 0);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        long? cleaned = null;
        do
        {
            try
            {
                await SweepAsync(stoppingToken);
                if (cleaned is null || clock.GetElapsedTime(cleaned.Value) > FoldersEvery)
                {
                    await folders.DeleteOrphansAsync(stoppingToken);
                    cleaned = clock.GetTimestamp();
                }
            }
            catch (Exception absent) when (absent is NpgsqlException or BackgroundJobClientException or IOException or UnauthorizedAccessException)
            {
                LogFailed(logger, absent);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Issued {Tokens} missing tokens for {Claimable} claimable runs")]
    private static partial void LogIssued(ILogger logger, int tokens, long claimable);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The sweep failed and is tried again")]
    private static partial void LogFailed(ILogger logger, Exception cause);
}
