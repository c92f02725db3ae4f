using Microsoft.EntityFrameworkCore;
using RftService.Migrations;
using RftService.Testing;

namespace RftService.Api.Tests;

public sealed class MigrationsTests
{
    [Fact]
    public async Task Migrations_EmptyDatabase_GiveTheModelOfTheCode()
    {
        await using var database = await TestDatabase.CreateAsync();

        await using var db = database.Open();

        Assert.Empty(await db.Database.GetPendingMigrationsAsync());
        Assert.False(db.Database.HasPendingModelChanges());
    }

    [Fact]
    public async Task Upgrade_ThreeAtOnceAndAgain_OneWorksAndNoneFails()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using (var db = database.Open())
        {
            await db.Database.ExecuteSqlRawAsync("drop schema public cascade; create schema public; drop schema hangfire cascade");
        }

        var applied = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => DatabaseUpgrade.ApplyAsync(database.ConnectionString, CancellationToken.None)));

        Assert.Single(applied, names => names.Count > 0);
    }

    [Fact]
    public async Task BootstrapKey_SecondStart_KeepsTheKeyOfTheFirst()
    {
        await using var database = await TestDatabase.CreateAsync();
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.key");

        Assert.True(await BootstrapKey.EnsureAsync(database.ConnectionString, file, TimeProvider.System, CancellationToken.None));
        var text = await File.ReadAllTextAsync(file);
        Assert.False(await BootstrapKey.EnsureAsync(database.ConnectionString, file, TimeProvider.System, CancellationToken.None));

        Assert.Equal(text, await File.ReadAllTextAsync(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        File.Delete(file);
    }
}
