using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using RftService.Data;
using RftService.Data.Projects;
using RftService.Migrations;

namespace RftService.Testing;

/// <summary>
/// A migrated Postgres database of its own, dropped at the end. The server is the one in RFT_TEST_POSTGRES, or a private throwaway
/// cluster that deploy/postgres.sh starts on first use and that later test runs find again.
/// </summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> Template = new(MakeTemplateAsync);
    private static readonly string TemplateName = $"rft_template_{Guid.NewGuid():N}";

    private TestDatabase(string connectionString) => ConnectionString = connectionString;

    public string ConnectionString { get; }

    public static async Task<TestDatabase> CreateAsync()
    {
        var server = await Template.Value;
        var name = $"rft_{Guid.NewGuid():N}";
        await ExecuteAsync(server, $"create database {name} template {TemplateName}");
        return new TestDatabase(new NpgsqlConnectionStringBuilder(server) { Database = name, MaxPoolSize = 30 }.ConnectionString);
    }

    public RftDbContext Open()
    {
        var options = new DbContextOptionsBuilder<RftDbContext>();
        options.UseRftPostgres(ConnectionString);
        return new RftDbContext(options.Options);
    }

    /// <summary>A project and a key of it, as a client holds it.</summary>
    public async Task<(Guid ProjectId, string Key)> AddProjectAsync(string name = "tests", bool admin = false)
    {
        var now = DateTimeOffset.UtcNow;
        var text = ApiKey.NewText();
        var project = new Project { Id = Guid.CreateVersion7(now), Name = name, CreatedAt = now };
        await using var db = Open();
        db.Projects.Add(project);
        db.ApiKeys.Add(new ApiKey
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = project.Id,
            Name = name,
            Hash = ApiKey.HashOf(text),
            Prefix = text[..12],
            IsAdmin = admin,
            CreatedAt = now,
        });
        await db.SaveChangesAsync();
        return (project.Id, text);
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await ExecuteAsync(await Template.Value, $"drop database if exists {new NpgsqlConnectionStringBuilder(ConnectionString).Database} with (force)");
    }

    private static async Task<string> MakeTemplateAsync()
    {
        var server = Environment.GetEnvironmentVariable("RFT_TEST_POSTGRES") is { Length: > 0 } given ? given : await StartServerAsync();
        var template = new NpgsqlConnectionStringBuilder(server) { Database = TemplateName, Pooling = false };
        await DatabaseUpgrade.ApplyAsync(template.ConnectionString, CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => ExecuteAsync(server, $"drop database if exists {TemplateName} with (force)").GetAwaiter().GetResult();
        return new NpgsqlConnectionStringBuilder(server) { Database = "postgres", Pooling = false }.ConnectionString;
    }

    private static async Task<string> StartServerAsync()
    {
        var start = new ProcessStartInfo("bash", [Repository.Path("deploy", "postgres.sh"), "start", Path.Combine(Path.GetTempPath(), "rft-test-postgres"), "--throwaway"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("bash did not start.");
        var url = (await process.StandardOutput.ReadLineAsync())?.Trim();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 && url is { Length: > 0 } ? url : throw new InvalidOperationException("deploy/postgres.sh could not start Postgres.");
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Database = "postgres", Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
