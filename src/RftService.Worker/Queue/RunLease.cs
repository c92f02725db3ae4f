using Npgsql;
using NpgsqlTypes;
using RftService.Data.Runs;

namespace RftService.Worker.Queue;

/// <summary>
/// One worker's claim on one run. A thread of its own renews it and learns of a wish to cancel; all writes go through the fence, so
/// a worker that was thought dead cannot harm its successor's work.
/// </summary>
internal sealed partial class RunLease : IDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(500);

    private readonly NpgsqlDataSource _database;
    private readonly TimeSpan _duration;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _cancelRequested = new();
    private readonly CancellationTokenSource _pauseRequested = new();
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _heartbeat;

    public RunLease(NpgsqlDataSource database, Guid runId, int attempt, TimeSpan duration, TimeProvider clock, ILogger logger)
    {
        (_database, RunId, Attempt, _duration, _clock, _logger) = (database, runId, attempt, duration, clock, logger);
        // Not the thread pool: it may be full of graders just when the lease is about to end.
        _heartbeat = new Thread(Renew) { IsBackground = true, Name = $"lease {runId:N}" };
        _heartbeat.Start();
    }

    public Guid RunId { get; }

    /// <summary>Number of the claim: the fencing token.</summary>
    public int Attempt { get; }

    /// <summary>Fires when another claim has taken the run, or this one could not be renewed in time.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Fires when somebody asked for the end of the run.</summary>
    public CancellationToken CancelRequested => _cancelRequested.Token;

    /// <summary>Fires when somebody asked the run to rest.</summary>
    public CancellationToken PauseRequested => _pauseRequested.Token;

    /// <summary>Adds a line to the run's log.</summary>
    public void AddEvent(string level, string code, string message, int? step = null) =>
        Write(Fence.Shared + Fence.Event + Fence.Close, EventParameters(level, code, message, step));

    /// <summary>Ends the run. The lease is of no use afterwards.</summary>
    public void Finish(RunStatus end, RunFailure? failure = null)
    {
        var (level, code, message) = end switch
        {
            RunStatus.Succeeded => ("info", "run_succeeded", "The run is done."),
            RunStatus.Cancelled => ("info", "run_cancelled", "The run was cancelled; its checkpoints are kept."),
            RunStatus.Failed => ("error", failure!.Code, $"{failure.Message} {failure.Remedy}"),
            RunStatus.Queued or RunStatus.Running or RunStatus.Paused => throw new InvalidOperationException($"{end} is no end."),
        };
        var assignments = "status = @status, finished_at = clock_timestamp(), lease_until = null, failure = @failure"
            + (end == RunStatus.Succeeded ? ", progress = 1" : "");
        Write(
            Fence.Updating(assignments) + Fence.Event + Fence.Close,
            [
                .. EventParameters(level, code, message, null),
                new("status", end.ToString()),
                new("failure", NpgsqlDbType.Jsonb) { Value = failure is null ? DBNull.Value : RunFailureJson.Write(failure) },
            ]);
    }

    /// <summary>Lays the run to rest, to be resumed by a person. The lease is of no use afterwards.</summary>
    /// <param name="cause">Why; null when it was asked for.</param>
    public void Pause(RunFailure? cause) => Write(
        Fence.Updating("status = 'Paused', worker = null, lease_until = null, pause_requested = false, failure = @failure") + Fence.Event + Fence.Close,
        [
            .. cause is null
                ? EventParameters("info", RunQueue.Paused.Code, RunQueue.Paused.Message, null)
                : EventParameters("warn", cause.Code, $"The run is paused. {cause.Message} {cause.Remedy}", null),
            new("failure", NpgsqlDbType.Jsonb) { Value = cause is null ? DBNull.Value : RunFailureJson.Write(cause) },
        ]);

    /// <summary>Gives the run back, so that another worker takes it at once.</summary>
    public void Requeue(string reason) => Write(
        Fence.Updating("status = 'Queued', worker = null, lease_until = null") + Fence.Event + Fence.Close,
        EventParameters("info", "run_requeued", reason, null));

    /// <summary>Runs one fenced statement, see <see cref="Fence"/>; waits through a short absence of the database.</summary>
    /// <exception cref="LeaseLostException">The claim holds no more; nothing was written.</exception>
    public void Write(string sql, params IReadOnlyList<NpgsqlParameter> parameters)
    {
        for (var tries = 0; ; tries++)
        {
            if (_lost.IsCancellationRequested)
            {
                throw new LeaseLostException(RunId, Attempt);
            }

            try
            {
                using var connection = _database.OpenConnection();
                if (!Execute(connection, sql, parameters))
                {
                    _lost.Cancel();
                    throw new LeaseLostException(RunId, Attempt);
                }

                return;
            }
            catch (PostgresException twice) when (tries > 0 && twice.SqlState == PostgresErrorCodes.UniqueViolation)
            {
                return; // Only this claim can have written it: the try before was committed and its answer lost.
            }
            catch (Exception absent) when (DatabaseFaults.PassByThemselves(absent) || absent is TimeoutException)
            {
                LogDatabaseAbsent(_logger, RunId, absent.Message);
                _lost.Token.WaitHandle.WaitOne(RetryAfter);
            }
        }
    }

    public void Dispose()
    {
        _stop.Set();
        _heartbeat.Join();
        _stop.Dispose();
        _lost.Dispose();
        _cancelRequested.Dispose();
        _pauseRequested.Dispose();
    }

    private bool Execute(NpgsqlConnection connection, string sql, IReadOnlyList<NpgsqlParameter> parameters)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddWithValue("run", RunId);
        command.Parameters.AddWithValue("attempt", Attempt);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter.Clone()); // a parameter belongs to one command, and this may be the second try
        }

        using var reader = command.ExecuteReader();
        return reader.Read();
    }

    private void Renew()
    {
        var renewed = _clock.GetTimestamp();
        while (!_stop.Wait(_duration / 5))
        {
            try
            {
                if (TryRenew() is not var (cancel, pause))
                {
                    _lost.Cancel();
                    return;
                }

                renewed = _clock.GetTimestamp();
                if (cancel)
                {
                    _cancelRequested.Cancel();
                }

                if (pause)
                {
                    _pauseRequested.Cancel();
                }
            }
#pragma warning disable CA1031 // Whatever it is, it must not end the process from this thread; the lease runs out where it goes on.
            catch (Exception absent)
#pragma warning restore CA1031
            {
                LogDatabaseAbsent(_logger, RunId, absent.Message);
                if (_clock.GetElapsedTime(renewed) > _duration)
                {
                    _lost.Cancel(); // Somebody may have it by now; the fence stops what is under way.
                    return;
                }
            }
        }
    }

    // Null: the claim holds no more. Otherwise whether the run shall end, or rest.
    private (bool Cancel, bool Pause)? TryRenew()
    {
        using var connection = _database.OpenConnection();
        using var command = new NpgsqlCommand(
            $"update runs set lease_until = clock_timestamp() + @lease where {Fence.Holds} returning cancel_requested, pause_requested", connection)
        {
            CommandTimeout = Math.Max(1, (int)_duration.TotalSeconds / 2),
            Parameters = { new("run", RunId), new("attempt", Attempt), new("lease", _duration) },
        };
        using var reader = command.ExecuteReader();
        return reader.Read() ? (reader.GetBoolean(0), reader.GetBoolean(1)) : null;
    }

    /// <summary>What <see cref="Fence.Event"/> reads.</summary>
    public static NpgsqlParameter[] EventParameters(string level, string code, string message, int? step) =>
    [
        new("event_key", Guid.NewGuid()),
        new("level", level),
        new("code", code),
        new("message", message),
        new("event_step", NpgsqlDbType.Integer) { Value = step is null ? DBNull.Value : step },
    ];

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database does not answer run {RunId}: {Reason}")]
    private static partial void LogDatabaseAbsent(ILogger logger, Guid runId, string reason);
}
