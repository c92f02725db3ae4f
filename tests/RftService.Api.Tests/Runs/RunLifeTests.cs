using System.Net;
using System.Net.Http.Headers;
using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Runs;

public sealed class RunLifeTests(RunWorld world) : IClassFixture<RunWorld>
{
    [Fact]
    public async Task GetRun_InFlight_ShowsProgressPaceAndNewestMetrics()
    {
        var (id, row) = await world.RunningAsync();
        await world.StepAsync(row, 4, """{"reward/mean":0.25}""");
        await world.StepAsync(row, 5, """{"reward/mean":0.5,"policy/loss":1.5}""");

        var run = await world.Client.GetAsync($"/api/v1/runs/{id}").JsonAsync(200);

        Assert.Equal("running", run.Text("status"));
        Assert.Equal(5, run.GetProperty("step").GetInt32());
        Assert.Equal(0.25, run.GetProperty("progress").GetDouble());
        // A quarter in 10 s and a little: three times as long to go.
        Assert.InRange(run.GetProperty("eta_seconds").GetDouble(), 30, 60);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, run.GetProperty("queue_position").ValueKind);
        Assert.Equal(0.5, run.GetProperty("metrics").GetProperty("reward/mean").GetDouble());
        Assert.Equal("w1", run.Text("worker"));
    }

    [Fact]
    public async Task GetRun_Failed_TellsWhyAndWhatToDo()
    {
        var (id, row) = await world.RunningAsync(3);
        await world.SqlAsync(
            """
            update runs set status = 'Failed', finished_at = now(),
            failure = '{"code":"out_of_memory","stage":"training","message":"No memory.","remedy":"Take a smaller micro_batch_tokens."}' where id = $1
            """, row);

        var failure = (await world.Client.GetAsync($"/api/v1/runs/{id}").JsonAsync(200)).GetProperty("failure");

        Assert.Equal("out_of_memory", failure.Text("code"));
        Assert.Equal("Take a smaller micro_batch_tokens.", failure.Text("remedy"));
    }

    [Fact]
    public async Task GetRun_KnownTag_Is304UntilAStepIsDone()
    {
        var (id, row) = await world.RunningAsync(1);
        var first = await world.Client.GetAsync($"/api/v1/runs/{id}");

        Assert.Equal(HttpStatusCode.NotModified, (await PollAsync(id, first.Headers.ETag!)).StatusCode);
        await world.StepAsync(row, 2);
        Assert.Equal(HttpStatusCode.OK, (await PollAsync(id, first.Headers.ETag!)).StatusCode);
    }

    [Fact]
    public async Task ListRuns_PagesAndFilters_ByStatus()
    {
        var (id, _) = await world.RunningAsync();
        var queued = (await world.SubmitAsync()).Text("id");

        var running = await world.Client.GetAsync("/api/v1/runs?status=running&limit=200").JsonAsync(200);
        var ids = running.GetProperty("data").EnumerateArray().Select(run => run.Text("id")).ToList();
        Assert.Contains(id, ids);
        Assert.DoesNotContain(queued, ids);

        var page = await world.Client.GetAsync("/api/v1/runs?limit=1").JsonAsync(200);
        Assert.Equal(queued, page.GetProperty("data")[0].Text("id"));
        Assert.Equal("grpo", page.GetProperty("data")[0].Text("algorithm"));
        var next = await world.Client.GetAsync($"/api/v1/runs?limit=1&cursor={page.Text("next_cursor")}").JsonAsync(200);
        Assert.Equal(id, next.GetProperty("data")[0].Text("id"));
    }

    [Theory]
    [InlineData("?status=Running")]
    [InlineData("?status=1")]
    [InlineData("?limit=0")]
    [InlineData("?limit=x")]
    [InlineData("?cursor=x")]
    public async Task ListRuns_BadQuery_Is400(string query) =>
        await world.Client.GetAsync($"/api/v1/runs{query}").ProblemAsync(400, "invalid_request");

    [Fact]
    public async Task QueuePosition_HigherPriority_GoesFirst()
    {
        var low = (await world.SubmitAsync(("priority", "-100"))).Text("id");
        var high = await world.SubmitAsync(("priority", "100"));

        Assert.Equal(1, high.GetProperty("queue_position").GetInt32());
        Assert.True((await world.Client.GetAsync($"/api/v1/runs/{low}").JsonAsync(200)).GetProperty("queue_position").GetInt32() > 1);
    }

    [Fact]
    public async Task CancelRun_Queued_EndsAtOnceAndOnlyOnce()
    {
        var id = (await world.SubmitAsync()).Text("id");

        var run = await world.Client.PostAsync($"/api/v1/runs/{id}/cancel", null).JsonAsync(200);

        Assert.Equal("cancelled", run.Text("status"));
        Assert.NotEqual(System.Text.Json.JsonValueKind.Null, run.GetProperty("finished_at").ValueKind);
        using var again = await world.Client.PostAsync($"/api/v1/runs/{id}/cancel", null);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        Assert.Equal(["false"], again.Headers.GetValues("x-should-retry"));
    }

    [Fact]
    public async Task CancelRun_Running_AsksTheWorkerAndIsRepeatable()
    {
        var (id, _) = await world.RunningAsync(2);

        for (var i = 0; i < 2; i++)
        {
            var run = await world.Client.PostAsync($"/api/v1/runs/{id}/cancel", null).JsonAsync(200);
            Assert.Equal("running", run.Text("status"));
            Assert.True(run.GetProperty("cancel_requested").GetBoolean());
        }

        var events = await world.Client.GetAsync($"/api/v1/runs/{id}/events").JsonAsync(200);
        Assert.Single(events.GetProperty("data").EnumerateArray(), one => one.Text("code") == "cancel_requested");
    }

    [Fact]
    public async Task PauseRun_Queued_RestsUntilItIsResumed()
    {
        var id = (await world.SubmitAsync()).Text("id");

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal("paused", (await ControlAsync(id, "pause", 200)).Text("status"));
        }

        var listed = await world.Client.GetAsync("/api/v1/runs?status=paused&limit=200").JsonAsync(200);
        Assert.Contains(listed.GetProperty("data").EnumerateArray(), run => run.Text("id") == id);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal("queued", (await ControlAsync(id, "resume", 200)).Text("status"));
        }

        var events = await world.Client.GetAsync($"/api/v1/runs/{id}/events").JsonAsync(200);
        Assert.Equal(["submitted", "run_paused", "run_resumed"], events.GetProperty("data").EnumerateArray().Select(one => one.Text("code")));
        await ControlAsync(id, "pause", 200);
        Assert.Equal("cancelled", (await ControlAsync(id, "cancel", 200)).Text("status"));
        Assert.Equal("run_finished", (await ControlAsync(id, "pause", 409)).Text("code"));
        Assert.Equal("run_finished", (await ControlAsync(id, "resume", 409)).Text("code"));
    }

    [Fact]
    public async Task PauseRun_Running_AsksTheWorkerAndCanBeTakenBack()
    {
        var (id, _) = await world.RunningAsync(2);

        Assert.True((await ControlAsync(id, "pause", 200)).GetProperty("pause_requested").GetBoolean());
        var resumed = await ControlAsync(id, "resume", 200);

        Assert.Equal(("running", false), (resumed.Text("status"), resumed.GetProperty("pause_requested").GetBoolean()));
        await ControlAsync(id, "cancel", 200);
        Assert.Equal("run_ends", (await ControlAsync(id, "pause", 409)).Text("code"));
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("resume")]
    public async Task PauseRun_UnknownId_Is404(string verb) => await ControlAsync("run_00000000000000000000000000", verb, 404);

    private Task<System.Text.Json.JsonElement> ControlAsync(string id, string verb, int status) =>
        world.Client.PostAsync($"/api/v1/runs/{id}/{verb}", null).JsonAsync(status);

    [Fact]
    public async Task CloneRun_OtherSeed_KeepsTheRestAndItsOrigins()
    {
        var original = await world.SubmitAsync(("name", "\"first\""), ("recipe.group_size", "4"));

        var copy = await world.Client.PostTextAsync($"/api/v1/runs/{original.Text("id")}/clone", """{ "seed": 7 }""").JsonAsync(201);

        Assert.NotEqual(original.Text("id"), copy.Text("id"));
        Assert.Equal("first", copy.Text("name"));
        Assert.Equal(7, copy.GetProperty("recipe").GetProperty("seed").GetInt32());
        Assert.Equal(4, copy.GetProperty("recipe").GetProperty("group_size").GetInt32());
        Assert.Equal("given", copy.GetProperty("origins").Text("/recipe/group_size"));
        Assert.Equal("given", copy.GetProperty("origins").Text("/recipe/seed"));
        Assert.Equal("default", copy.GetProperty("origins").Text("/recipe/prompts_per_step"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/events")]
    [InlineData("/stream")]
    [InlineData("/metrics")]
    [InlineData("/rollouts")]
    public async Task ForeignAndUnknownRuns_AllReads_Are404(string path)
    {
        var id = (await world.SubmitAsync()).Text("id");

        await world.Api.Stranger.GetAsync($"/api/v1/runs/{id}{path}").ProblemAsync(404, "not_found");
        await world.Client.GetAsync($"/api/v1/runs/run_{Guid.NewGuid():N}{path}").ProblemAsync(404, "not_found");
        await world.Client.GetAsync($"/api/v1/runs/nonsense{path}").ProblemAsync(404, "not_found");
    }

    [Fact]
    public async Task ForeignRun_CancelAndClone_Are404AndChangeNothing()
    {
        var id = (await world.SubmitAsync()).Text("id");

        await world.Api.Stranger.PostAsync($"/api/v1/runs/{id}/cancel", null).ProblemAsync(404, "not_found");
        await world.Api.Stranger.PostTextAsync($"/api/v1/runs/{id}/clone", "{}").ProblemAsync(404, "not_found");

        Assert.Equal("queued", (await world.Client.GetAsync($"/api/v1/runs/{id}").JsonAsync(200)).Text("status"));
        Assert.Equal(0, (await world.Api.Stranger.GetAsync("/api/v1/runs").JsonAsync(200)).GetProperty("data").GetArrayLength());
    }

    private async Task<HttpResponseMessage> PollAsync(string id, EntityTagHeaderValue tag)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/runs/{id}");
        request.Headers.IfNoneMatch.Add(tag);
        return await world.Client.SendAsync(request);
    }
}
