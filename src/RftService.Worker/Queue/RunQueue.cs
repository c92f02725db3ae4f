using System.Data;
using Microsoft.Extensions.Options;
using Npgsql;
using RftService.Data.Runs;
using RftService.Worker.Hosting;

namespace RftService.Worker.Queue;

/// <summary>
/// The table `runs` as a queue. Which run goes first: one that was interrupted, since it had its turn; then one of the project with the
/// fewest running runs; of those the project served longest ago; inside a project the highest priority, then the oldest.
/// </summary>
internal sealed partial class RunQueue(
    NpgsqlDataSource database, WorkerIdentity worker, IOptions<WorkerOptions> options, TimeProvider clock, ILogger<RunLease> logger)
{
    /// <summary>Condition on `runs q`: it waits, or its worker has gone silent. Time is the database's: workers' clocks may differ.</summary>
    public const string Claimable = "(q.status = 'Queued' or (q.status = 'Running' and q.lease_until < clock_timestamp()))";

    private const string Claim = $"""
        with claimable as (
            select q.id, q.project_id, q.attempt > 0 as interrupted,
                   row_number() over (partition by q.project_id order by q.priority desc, q.created_at, q.id) as place
            from runs q where {Claimable}),
        share as (
            select r.project_id, max(r.attempt_started_at) as served,
                   count(*) filter (where r.status = 'Running' and r.lease_until >= clock_timestamp()) as running
            from runs r where r.project_id in (select project_id from claimable) group by r.project_id),
        best as (
            select q.id, q.status as was from claimable c join share s on s.project_id = c.project_id join runs q on q.id = c.id
            where {Claimable}
            order by c.interrupted desc, s.running, s.served nulls first, c.place, q.created_at, q.id
            limit 1 for update of q skip locked)
        update runs r
        set status = 'Running', worker = @worker, attempt = r.attempt + 1, lease_until = clock_timestamp() + @lease,
            started_at = coalesce(r.started_at, clock_timestamp()), attempt_started_at = clock_timestamp()
        from best where r.id = best.id
        returning r.id, r.attempt, best.was = 'Running', r.cancel_requested, r.pause_requested
        """;

    private const string Note = """
        insert into run_events (run_id, key, at, level, code, message) values (@run, gen_random_uuid(), clock_timestamp(), @level, @code, @message)
        """;

    // Counted in the log, not by the attempt: a worker that is stopped in good order is no crash. A checkpoint clears the account.
    private const string Crashes = """
        select count(*) from run_events where run_id = @run and code = 'worker_lost'
        and at > coalesce((select max(created_at) from checkpoints where run_id = @run), '-infinity')
        """;

    private const string End = """
        update runs set status = @status, finished_at = clock_timestamp(), lease_until = null, failure = @failure where id = @run
        """;

    private const string Rest = "update runs set status = 'Paused', worker = null, lease_until = null, pause_requested = false where id = @run";

    /// <summary>The event of a run that rests because somebody asked for it.</summary>
    public static readonly (string Code, string Message) Paused = ("run_paused", "The run is paused; POST /runs/{id}/resume lets it go on.");

    private static readonly TimeSpan LookAgainFor = TimeSpan.FromSeconds(5);

    /// <summary>Claims the best run; null when there is none.</summary>
    public async Task<RunLease?> TryClaimBestAsync(CancellationToken cancellation)
    {
        var since = clock.GetTimestamp();
        while (true)
        {
            var (lease, endedOne) = await ClaimOnceAsync(cancellation);
            if (lease is not null)
            {
                return lease;
            }

            // Nothing found while rows are there: others held them locked. They claim them, or fail and leave them to us.
            if (!endedOne && (clock.GetElapsedTime(since) > LookAgainFor || !await AnyClaimableAsync(cancellation)))
            {
                return null;
            }

            await Task.Delay(endedOne ? 0 : Random.Shared.Next(5, 50), cancellation);
        }
    }

    private async Task<(RunLease? Lease, bool EndedOne)> ClaimOnceAsync(CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellation);
        if (await PickAsync(connection, cancellation) is not { } claim)
        {
            return (null, false);
        }

        var ended = await EndInsteadAsync(connection, claim, cancellation);
        if (!ended)
        {
            var step = await RunTruncation.NewestCheckpointAsync(connection, claim.RunId, cancellation);
            await RunTruncation.ApplyAsync(connection, claim.RunId, step, cancellation);
            var from = step > 0 ? $" and goes on from the checkpoint of step {step}" : "";
            await NoteAsync(connection, claim.RunId, "info", "run_claimed", $"Worker {worker.Id} took the run (attempt {claim.Attempt}){from}.", cancellation);
        }

        await NotifyAsync(connection, claim.RunId, cancellation);
        await transaction.CommitAsync(cancellation);
        return ended ? (null, true) : (new RunLease(database, claim.RunId, claim.Attempt, options.Value.Lease, clock, logger), false);
    }

    private async Task<PickedRun?> PickAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Claim, connection)
        {
            Parameters = { new("worker", worker.Id), new("lease", options.Value.Lease) },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation)
            ? new PickedRun(reader.GetGuid(0), reader.GetInt32(1), reader.GetBoolean(2), reader.GetBoolean(3), reader.GetBoolean(4))
            : null;
    }

    // A run whose worker died may be past saving, or past wanting.
    private async Task<bool> EndInsteadAsync(NpgsqlConnection connection, PickedRun claim, CancellationToken cancellation)
    {
        if (claim.WorkerLost)
        {
            await NoteAsync(connection, claim.RunId, "warn", "worker_lost", $"The worker of attempt {claim.Attempt - 1} went silent.", cancellation);
        }

        if (claim.CancelRequested)
        {
            await EndAsync(connection, claim.RunId, RunStatus.Cancelled, null, cancellation);
            await NoteAsync(connection, claim.RunId, "info", "run_cancelled", "The run was cancelled; its checkpoints are kept.", cancellation);
            return true;
        }

        if (claim.PauseRequested)
        {
            await RestAsync(connection, claim.RunId, cancellation);
            await NoteAsync(connection, claim.RunId, "info", Paused.Code, Paused.Message, cancellation);
            return true;
        }

        var crashes = claim.WorkerLost ? await CountCrashesAsync(connection, claim.RunId, cancellation) : 0;
        if (crashes < options.Value.MaxAttempts)
        {
            return false;
        }

        var failure = new RunFailure(
            "crashed_repeatedly", "training", $"The worker crashed {crashes} times in this run without reaching a new checkpoint.",
            "Most often memory ran out: use a smaller micro_batch_tokens, fewer or shorter completions, or a worker with more memory.");
        await EndAsync(connection, claim.RunId, RunStatus.Failed, failure, cancellation);
        await NoteAsync(connection, claim.RunId, "error", failure.Code, $"{failure.Message} {failure.Remedy}", cancellation);
        LogCrashedRepeatedly(logger, claim.RunId, crashes);
        return true;
    }

    private static async Task<long> CountCrashesAsync(NpgsqlConnection connection, Guid runId, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Crashes, connection) { Parameters = { new("run", runId) } };
        return (long)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private static async Task EndAsync(NpgsqlConnection connection, Guid runId, RunStatus end, RunFailure? failure, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(End, connection)
        {
            Parameters =
            {
                new("run", runId),
                new("status", end.ToString()),
                new("failure", NpgsqlTypes.NpgsqlDbType.Jsonb) { Value = failure is null ? DBNull.Value : RunFailureJson.Write(failure) },
            },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static async Task RestAsync(NpgsqlConnection connection, Guid runId, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Rest, connection) { Parameters = { new("run", runId) } };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static async Task NoteAsync(
        NpgsqlConnection connection, Guid runId, string level, string code, string message, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Note, connection)
        {
            Parameters = { new("run", runId), new("level", level), new("code", code), new("message", message) },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static async Task NotifyAsync(NpgsqlConnection connection, Guid runId, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand($"select pg_notify('{RunChannel.Name}', @run::text)", connection) { Parameters = { new("run", runId) } };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private async Task<bool> AnyClaimableAsync(CancellationToken cancellation)
    {
        await using var command = database.CreateCommand($"select exists (select from runs q where {Claimable})");
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {RunId} is given up after {Crashes} crashes")]
    private static partial void LogCrashedRepeatedly(ILogger logger, Guid runId, long crashes);

    private sealed record PickedRun(Guid RunId, int Attempt, bool WorkerLost, bool CancelRequested, bool PauseRequested);
}
