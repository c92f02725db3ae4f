using System.Text.Json;
using RftService.Api.Tests.Hosting;
using RftService.Api.Tests.Runs;

namespace RftService.Api.Tests.Metrics;

public sealed class MetricsTests(RunWorld world) : IClassFixture<RunWorld>
{
    [Fact]
    public async Task GetRunMetrics_All_AreColumnsWithHolesAsNull()
    {
        var id = await RunOfStepsAsync(3);

        var metrics = await world.Client.GetAsync($"/api/v1/runs/{id}/metrics").JsonAsync(200);

        Assert.Equal([0, 1, 2, 3], metrics.GetProperty("steps").EnumerateArray().Select(step => step.GetInt32()));
        Assert.Equal("[0,1,2,3]", metrics.GetProperty("series").GetProperty("a").GetRawText());
        Assert.Equal("[0,null,2,null]", metrics.GetProperty("series").GetProperty("b").GetRawText());
    }

    [Fact]
    public async Task GetRunMetrics_NamesAndRange_Narrow()
    {
        var id = await RunOfStepsAsync(6);

        var metrics = await world.Client.GetAsync($"/api/v1/runs/{id}/metrics?names=a,none&from_step=2&to_step=4").JsonAsync(200);

        Assert.Equal("[2,3,4]", metrics.GetProperty("steps").GetRawText());
        Assert.Equal("""{"a":[2,3,4],"none":[null,null,null]}""", metrics.GetProperty("series").GetRawText());
    }

    [Fact]
    public async Task GetRunMetrics_Points_GiveMeanMinAndMaxOfEachBucket()
    {
        var id = await RunOfStepsAsync(7);

        var metrics = await world.Client.GetAsync($"/api/v1/runs/{id}/metrics?points=2&names=a").JsonAsync(200);

        // Steps 0..7 in two buckets: 0,1,2,3 with mean 1.5 and 4,5,6,7 with mean 5.5.
        Assert.Equal("[3,7]", metrics.GetProperty("steps").GetRawText());
        Assert.Equal("[1.5,5.5]", metrics.GetProperty("series").GetProperty("a").GetRawText());
        Assert.Equal("[0,4]", metrics.GetProperty("min").GetProperty("a").GetRawText());
        Assert.Equal("[3,7]", metrics.GetProperty("max").GetProperty("a").GetRawText());
    }

    [Fact]
    public async Task GetRunMetrics_CsvAndJsonLines_GiveEveryStep()
    {
        var id = await RunOfStepsAsync(1);

        var csv = await world.Client.GetStringAsync(new Uri($"/api/v1/runs/{id}/metrics?format=csv", UriKind.Relative));
        var lines = csv.TrimEnd('\n').Split('\n');
        Assert.Equal("step,attempt,at,a,b", lines[0]);
        Assert.StartsWith("0,1,", lines[1], StringComparison.Ordinal);
        Assert.EndsWith(",1,", lines[2], StringComparison.Ordinal);

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/runs/{id}/metrics?names=a");
        request.Headers.Add("Accept", "application/jsonl");
        using var response = await world.Client.SendAsync(request);
        Assert.Equal("application/jsonl", response.Content.Headers.ContentType?.MediaType);
        var rows = (await response.Content.ReadAsStringAsync()).TrimEnd('\n').Split('\n').Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToList();
        Assert.Equal("""{"a":1}""", rows[1].GetProperty("values").GetRawText());
    }

    [Fact]
    public async Task GetRunMetrics_QueuedRun_IsEmpty()
    {
        var id = (await world.SubmitAsync()).Text("id");

        foreach (var query in new[] { "", "?points=10", "?points=10&names=a" })
        {
            Assert.Equal(0, (await world.Client.GetAsync($"/api/v1/runs/{id}/metrics{query}").JsonAsync(200)).GetProperty("steps").GetArrayLength());
        }

        Assert.Equal("step,attempt,at\n", await world.Client.GetStringAsync(new Uri($"/api/v1/runs/{id}/metrics?format=csv", UriKind.Relative)));
    }

    [Fact]
    public async Task GetRunMetrics_MoreStepsThanAnAnswerHolds_Are422ButBucketsWork()
    {
        var (id, row) = await world.RunningAsync();
        await world.SqlAsync(
            """insert into step_metrics (run_id, step, attempt, at, "values") select $1, s, 1, now(), jsonb_build_object('a', s) from generate_series(1, 20001) s""", row);

        var problem = await world.Client.GetAsync($"/api/v1/runs/{id}/metrics").ProblemAsync(422, "too_many_steps");

        Assert.Equal(["?points too_many_steps"], problem.Places());
        Assert.Equal(100, (await world.Client.GetAsync($"/api/v1/runs/{id}/metrics?points=100").JsonAsync(200)).GetProperty("steps").GetArrayLength());
    }

    [Theory]
    [InlineData("?from_step=-1")]
    [InlineData("?from_step=5&to_step=4")]
    [InlineData("?points=0")]
    [InlineData("?points=5001")]
    [InlineData("?points=x")]
    [InlineData("?format=xml")]
    [InlineData("?format=csv&points=10")]
    [InlineData("?names=,")]
    [InlineData("?from_step=99999999999")]
    public async Task GetRunMetrics_BadQuery_Is400(string query)
    {
        var id = (await world.SubmitAsync()).Text("id");

        await world.Client.GetAsync($"/api/v1/runs/{id}/metrics{query}").ProblemAsync(400, "invalid_request");
    }

    [Fact]
    public async Task GetRunMetrics_NulInName_Is400()
    {
        var id = (await world.SubmitAsync()).Text("id");

        await world.Client.GetAsync($"/api/v1/runs/{id}/metrics?names=a%00b").ProblemAsync(400, "nul_character");
    }

    private async Task<string> RunOfStepsAsync(int last)
    {
        var (id, row) = await world.RunningAsync();
        for (var step = 0; step <= last; step++)
        {
            await world.StepAsync(row, step, step % 2 == 0 ? $$"""{"a":{{step}},"b":{{step}}}""" : $$"""{"a":{{step}}}""");
        }

        return id;
    }
}
