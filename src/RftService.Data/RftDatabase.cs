using Microsoft.EntityFrameworkCore;

namespace RftService.Data;

/// <summary>One way to open the database, for every program and test.</summary>
public static class RftDatabase
{
    public const string MigrationsAssembly = "RftService.Migrations";

    public static DbContextOptionsBuilder UseRftPostgres(this DbContextOptionsBuilder options, string connectionString) => options
        .UseNpgsql(connectionString, postgres => postgres.MigrationsAssembly(MigrationsAssembly))
        .UseSnakeCaseNamingConvention();
}
