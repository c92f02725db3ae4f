using RftService.Api.Tests.Hosting;
using RftService.Data.Workers;

namespace RftService.Api.Tests.Workers;

public sealed class WorkersTests(RftApi api) : IClassFixture<RftApi>
{
    [Fact]
    public async Task ListWorkers_ShowsTheLiveOnesOnly()
    {
        var now = DateTimeOffset.UtcNow;
        await using (var db = api.Database.Open())
        {
            db.Workers.AddRange(Node("alive", now), Node("gone", now.AddMinutes(-5)));
            await db.SaveChangesAsync();
        }

        var list = await api.Client.GetAsync(new Uri("/api/v1/workers", UriKind.Relative)).JsonAsync(200);

        Assert.Equal(["alive"], list.GetProperty("data").EnumerateArray().Select(worker => worker.Text("id")));
        Assert.DoesNotContain("127.0.0.1", list.GetRawText(), StringComparison.Ordinal);
    }

    private static WorkerNode Node(string id, DateTimeOffset seenAt) => new()
    {
        Id = id,
        Address = "http://127.0.0.1:1",
        Device = "cpu",
        Threads = 2,
        StartedAt = seenAt.AddHours(-1),
        SeenAt = seenAt,
    };
}
