using Hangfire;
using Hangfire.PostgreSql;

namespace RftService.Data.Jobs;

/// <summary>One way to open Hangfire's storage, for the client (Api) and the server (worker) alike.</summary>
public static class HangfireSetup
{
    public const string Schema = "hangfire";

    /// <summary>Storage over Postgres. The schema is made by the migrations program, never here.</summary>
    public static IGlobalConfiguration UseRftStorage(this IGlobalConfiguration hangfire, string connectionString) => hangfire
        .UseSimpleAssemblyNameTypeSerializer()
        .UseRecommendedSerializerSettings()
        .UsePostgreSqlStorage(
            options => options.UseNpgsqlConnection(connectionString),
            new PostgreSqlStorageOptions
            {
                SchemaName = Schema,
                PrepareSchemaIfNecessary = false,
                // Without it two workers run a long job and swap it for ever.
                UseSlidingInvisibilityTimeout = true,
                InvisibilityTimeout = TimeSpan.FromSeconds(60),
                QueuePollInterval = TimeSpan.FromSeconds(2),
                EnableLongPolling = true,
            });
}
