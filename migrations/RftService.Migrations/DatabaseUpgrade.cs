using Hangfire.PostgreSql;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using RftService.Data;
using RftService.Data.Jobs;

namespace RftService.Migrations;

/// <summary>Brings a database to the newest schema: ours and Hangfire's. Several may run at once; one works, the others wait.</summary>
public static class DatabaseUpgrade
{
    // Any constant; it only has to be the same for every migrator.
    private const long LockKey = 0x5246_5453;

    /// <returns>The names of the migrations that were applied.</returns>
    public static async Task<IReadOnlyList<string>> ApplyAsync(string connectionString, CancellationToken cancellation)
    {
        await EnsureDatabaseAsync(connectionString, cancellation);

        await using var guard = new NpgsqlConnection(connectionString);
        await guard.OpenAsync(cancellation);
        await ExecuteAsync(guard, $"select pg_advisory_lock({LockKey})", cancellation);

        var options = new DbContextOptionsBuilder<RftDbContext>();
        options.UseRftPostgres(connectionString);
        await using var db = new RftDbContext(options.Options);
        var pending = (await db.Database.GetPendingMigrationsAsync(cancellation)).ToList();
        await db.Database.MigrateAsync(cancellation);
        PostgreSqlObjectsInstaller.Install(guard, HangfireSetup.Schema);
        return pending;
        // The lock goes with the connection.
    }

    private static async Task EnsureDatabaseAsync(string connectionString, CancellationToken cancellation)
    {
        var target = new NpgsqlConnectionStringBuilder(connectionString);
        var database = target.Database ?? throw new ArgumentException("The connection string names no database.", nameof(connectionString));
        target.Database = "postgres";
        await using var server = new NpgsqlConnection(target.ConnectionString);
        await server.OpenAsync(cancellation);
        await using var find = new NpgsqlCommand("select 1 from pg_database where datname = $1", server) { Parameters = { new() { Value = database } } };
        if (await find.ExecuteScalarAsync(cancellation) is not null)
        {
            return;
        }

        try
        {
            await ExecuteAsync(server, $"create database \"{database.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", cancellation);
        }
        catch (PostgresException made) when (made.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another migrator was faster.
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
