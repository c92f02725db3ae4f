using Microsoft.EntityFrameworkCore;
using RftService.Data;
using RftService.Data.Projects;

namespace RftService.Migrations;

/// <summary>The first key of a fresh installation: without one nobody could make the others.</summary>
public static class BootstrapKey
{
    public const string ProjectName = "default";

    // Any constant; it only has to be the same for every migrator.
    private const long LockKey = 0x5246_5442;

    /// <summary>Makes the project `default` and an administrator's key in it, and writes the key's text to the file, unless the file's key works.</summary>
    /// <returns>True when a new key was made.</returns>
    public static async Task<bool> EnsureAsync(string connectionString, string keyFile, TimeProvider clock, CancellationToken cancellation)
    {
        var options = new DbContextOptionsBuilder<RftDbContext>();
        options.UseRftPostgres(connectionString);
        await using var db = new RftDbContext(options.Options);

        // One after the other: two that made a key each would leave the file of the one and the row of the other.
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock({LockKey})", cancellation);
        if (File.Exists(keyFile))
        {
            var known = ApiKey.HashOf((await File.ReadAllTextAsync(keyFile, cancellation)).Trim());
            if (await db.ApiKeys.AnyAsync(key => key.Hash == known && key.RevokedAt == null, cancellation))
            {
                return false;
            }
        }

        var now = clock.GetUtcNow();
        var project = await db.Projects.SingleOrDefaultAsync(p => p.Name == ProjectName, cancellation);
        if (project is null)
        {
            project = new Project { Id = Guid.CreateVersion7(now), Name = ProjectName, CreatedAt = now };
            db.Projects.Add(project);
        }

        var text = ApiKey.NewText();
        db.ApiKeys.Add(new ApiKey
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = project.Id,
            Name = "bootstrap",
            Hash = ApiKey.HashOf(text),
            Prefix = text[..12],
            IsAdmin = true,
            CreatedAt = now,
        });

        // The file first: a key that nobody knows helps nobody, a text without a row is replaced by the next start.
        var write = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
        await using (var file = new StreamWriter(keyFile, write))
        {
            await file.WriteLineAsync(text);
        }

        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return true;
    }
}
