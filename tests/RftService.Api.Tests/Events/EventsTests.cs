using RftService.Api.Tests.Hosting;
using RftService.Api.Tests.Runs;

namespace RftService.Api.Tests.Events;

public sealed class EventsTests(RunWorld world) : IClassFixture<RunWorld>
{
    [Fact]
    public async Task ListRunEvents_ManyPages_ReadInOrderWithoutGap()
    {
        var (id, row) = await world.RunningAsync();
        for (var i = 0; i < 5; i++)
        {
            await world.NoteAsync(row, $"note {i}");
        }

        var read = new List<string>();
        var cursor = "";
        do
        {
            var page = await world.Client.GetAsync($"/api/v1/runs/{id}/events?limit=2{cursor}").JsonAsync(200);
            read.AddRange(page.GetProperty("data").EnumerateArray().Select(one => one.Text("message")));
            cursor = page.GetProperty("has_more").GetBoolean() ? $"&cursor={page.Text("next_cursor")}" : "";
        }
        while (cursor.Length > 0);

        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"note {i}"), read.Skip(1));
    }

    [Theory]
    [InlineData("?limit=0")]
    [InlineData("?limit=1001")]
    [InlineData("?cursor=-1")]
    [InlineData("?cursor=x")]
    public async Task ListRunEvents_BadQuery_Is400(string query)
    {
        var id = (await world.SubmitAsync()).Text("id");

        await world.Client.GetAsync($"/api/v1/runs/{id}/events{query}").ProblemAsync(400, "invalid_request");
    }
}
