using Microsoft.EntityFrameworkCore;
using RftService.Data;
using RftService.Data.Runs;

namespace RftService.Api.Events;

/// <summary>Tells every Api process that something was written for a run.</summary>
internal static class RunSignal
{
    public static Task SendAsync(RftDbContext db, Guid runId, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"select pg_notify({RunChannel.Name}, {runId.ToString()})", cancellation);
}
