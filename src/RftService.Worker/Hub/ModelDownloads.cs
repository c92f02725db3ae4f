using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using RftService.Data.Models;
using RftService.Engine.Models;
using RftService.Worker.Hosting;

namespace RftService.Worker.Hub;

/// <summary>The table `models` as a queue of downloads. As with runs, the number of the claim fences what is written.</summary>
internal sealed class ModelDownloads(NpgsqlDataSource database, IOptions<WorkerOptions> options)
{
    /// <summary>Condition on `models m`: it waits, or its worker has gone silent. Time is the database's.</summary>
    public const string Claimable = "(m.status = 'Downloading' and (m.lease_until is null or m.lease_until < clock_timestamp()))";

    private const string Claim = $"""
        update models set attempt = attempt + 1, lease_until = clock_timestamp() + @lease
        where id = (select m.id from models m where {Claimable} order by m.created_at, m.id limit 1 for update of m skip locked)
        returning id, attempt, hub_id, hub_commit, folder
        """;

    private const string Beat = """
        update models set lease_until = clock_timestamp() + @lease, bytes_done = @done, bytes_total = @total, hub_commit = @commit,
            bytes_per_second = @rate
        where id = @id and attempt = @attempt and status = 'Downloading'
        """;

    private const string End = """
        update models set status = 'Ready', lease_until = null, failure = null, hub_commit = @commit, bytes_done = @done, bytes_total = @done, bytes_per_second = null,
            family = @family, parameters = @parameters, context_length = @context, vocabulary_size = @vocabulary, dtype = @dtype,
            tied_embeddings = @tied, has_chat_template = @template, sha256 = @sha256, bytes = @bytes
        where id = @id and attempt = @attempt and status = 'Downloading'
        """;

    private const string Break = """
        update models set status = 'Failed', lease_until = null, failure = @failure, bytes_done = @done, bytes_total = @total, hub_commit = @commit,
            bytes_per_second = null
        where id = @id and attempt = @attempt and status = 'Downloading'
        """;

    private const string Release = """
        update models set lease_until = null, bytes_done = @done, bytes_total = @total, hub_commit = @commit, bytes_per_second = null
        where id = @id and attempt = @attempt and status = 'Downloading'
        """;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The oldest waiting download; null when there is none.</summary>
    public async Task<ClaimedDownload?> TryClaimAsync(CancellationToken cancellation)
    {
        await using var command = database.CreateCommand(Claim);
        command.Parameters.AddWithValue("lease", options.Value.Lease);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation)
            ? new ClaimedDownload(
                reader.GetGuid(0), reader.GetInt32(1), HubModelId.Parse(reader.GetString(2)), reader.IsDBNull(3) ? null : reader.GetString(3), reader.GetString(4))
            : null;
    }

    /// <summary>Reports and keeps the claim; false when it is lost.</summary>
    public Task<bool> BeatAsync(ClaimedDownload claim, DownloadProgress progress, CancellationToken cancellation) =>
        WriteAsync(
            Beat, claim, progress,
            [new("lease", options.Value.Lease), new("rate", NpgsqlDbType.Bigint) { Value = progress.BytesPerSecond is { } rate ? (long)rate : DBNull.Value }],
            cancellation);

    /// <summary>The model can be used from here on.</summary>
    public Task<bool> FinishAsync(ClaimedDownload claim, DownloadProgress progress, ModelInfo model, CancellationToken cancellation) => WriteAsync(
        End,
        claim,
        progress,
        [
            new("family", model.Family), new("parameters", model.Parameters), new("context", model.ContextLength), new("vocabulary", model.VocabularySize),
            new("dtype", model.Dtype), new("tied", model.TiedEmbeddings), new("template", model.HasChatTemplate), new("sha256", model.Sha256),
            new("bytes", model.Bytes),
        ],
        cancellation);

    public Task<bool> FailAsync(ClaimedDownload claim, DownloadProgress progress, ModelFailure failure, CancellationToken cancellation) => WriteAsync(
        Break, claim, progress, [new("failure", NpgsqlDbType.Jsonb) { Value = JsonSerializer.Serialize(failure, Json) }], cancellation);

    /// <summary>Gives the claim back: another worker goes on.</summary>
    public Task<bool> ReleaseAsync(ClaimedDownload claim, DownloadProgress progress, CancellationToken cancellation) =>
        WriteAsync(Release, claim, progress, [], cancellation);

    /// <summary>True while the model is registered.</summary>
    public async Task<bool> IsWantedAsync(Guid modelId, CancellationToken cancellation)
    {
        await using var command = database.CreateCommand("select exists (select from models where id = $1)");
        command.Parameters.Add(new() { Value = modelId });
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private async Task<bool> WriteAsync(
        string sql, ClaimedDownload claim, DownloadProgress progress, NpgsqlParameter[] more, CancellationToken cancellation)
    {
        await using var command = database.CreateCommand(sql);
        command.Parameters.AddWithValue("id", claim.ModelId);
        command.Parameters.AddWithValue("attempt", claim.Attempt);
        command.Parameters.AddWithValue("done", progress.Done);
        command.Parameters.Add(new("total", NpgsqlDbType.Bigint) { Value = (object?)progress.Total ?? DBNull.Value });
        command.Parameters.Add(new("commit", NpgsqlDbType.Text) { Value = (object?)progress.Commit ?? DBNull.Value });
        command.Parameters.AddRange(more);
        return await command.ExecuteNonQueryAsync(cancellation) == 1;
    }
}

/// <summary>A download that this worker makes.</summary>
/// <param name="ModelId">The model.</param>
/// <param name="Attempt">Number of the claim.</param>
/// <param name="Hub">What it is on the hub.</param>
/// <param name="Commit">Commit of an earlier try; null at first.</param>
/// <param name="Folder">As stored in its row.</param>
internal sealed record ClaimedDownload(Guid ModelId, int Attempt, HubModelId Hub, string? Commit, string Folder);
