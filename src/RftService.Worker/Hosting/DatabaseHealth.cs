using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace RftService.Worker.Hosting;

/// <summary>Healthy while the database answers.</summary>
internal sealed class DatabaseHealth(NpgsqlDataSource database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var command = database.CreateCommand("select 1");
            await command.ExecuteScalarAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException absent)
        {
            return HealthCheckResult.Unhealthy("The database does not answer.", absent);
        }
    }
}
