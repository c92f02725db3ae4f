using Npgsql;
using RftService.Data.Storage;
using RftService.Worker.Queue;

namespace RftService.Worker.Training;

/// <summary>The checkpoint that a claim goes on from: the newest one that can be read, of whichever attempt.</summary>
internal sealed class ResumePoint(NpgsqlDataSource database, ArtifactPaths paths)
{
    /// <summary>Step and absolute folder of the newest checkpoint; null when the run starts from its model.</summary>
    public async Task<(int Step, string Folder)?> FindAsync(Guid runId, CancellationToken cancellation)
    {
        await using var command = database.CreateCommand("select step, folder from checkpoints where run_id = $1 order by step desc limit 1");
        command.Parameters.Add(new() { Value = runId });
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) ? (reader.GetInt32(0), paths.InData(reader.GetString(1))) : null;
    }

    /// <summary>Strikes a damaged checkpoint out, and takes the run back to the one before it.</summary>
    /// <exception cref="LeaseLostException">Another claim has the run.</exception>
    public async Task DiscardAsync(RunLease lease, int step, string reason, CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);

        const string strike = Fence.Shared
            + ", struck as (delete from checkpoints using lease where run_id = lease.id and step = @step)"
            + Fence.Event + Fence.Close;
        await using (var command = new NpgsqlCommand(strike, connection))
        {
            command.Parameters.AddWithValue("run", lease.RunId);
            command.Parameters.AddWithValue("attempt", lease.Attempt);
            command.Parameters.AddWithValue("step", step);
            command.Parameters.AddRange(RunLease.EventParameters(
                "warn", "checkpoint_damaged", $"The checkpoint of step {step} is damaged and was struck out; the one before it is used. {reason}", null));
            if (await command.ExecuteScalarAsync(cancellation) is null)
            {
                throw new LeaseLostException(lease.RunId, lease.Attempt);
            }
        }

        var before = await RunTruncation.NewestCheckpointAsync(connection, lease.RunId, cancellation);
        await RunTruncation.ApplyAsync(connection, lease.RunId, before, cancellation);
        await transaction.CommitAsync(cancellation);
    }
}
