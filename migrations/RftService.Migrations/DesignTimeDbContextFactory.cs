using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using RftService.Data;

namespace RftService.Migrations;

/// <summary>Lets `dotnet ef migrations add NAME -p migrations/RftService.Migrations` work without a database.</summary>
internal sealed class DesignTimeDbContextFactory : IDesignTimeDbContextFactory<RftDbContext>
{
    public RftDbContext CreateDbContext(string[] args)
    {
        var options = new DbContextOptionsBuilder<RftDbContext>();
        options.UseRftPostgres("Host=localhost;Database=design");
        return new RftDbContext(options.Options);
    }
}
