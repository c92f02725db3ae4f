using System.Text.Json;
using RftService.Api.Tests.Hosting;
using RftService.Api.Tests.Runs;

namespace RftService.Api.Tests.Rollouts;

public sealed class RolloutsTests(RunWorld world) : IClassFixture<RunWorld>
{
    [Theory]
    [InlineData("", 9)]
    [InlineData("?step=1", 4)]
    [InlineData("?evaluation=true", 1)]
    [InlineData("?evaluation=false&latest=true", 4)]
    [InlineData("?latest=true", 5)]
    [InlineData("?min_reward=0.5", 5)]
    [InlineData("?min_reward=0&max_reward=0.4", 2)]
    [InlineData("?errors=true", 2)]
    [InlineData("?errors=false", 7)]
    [InlineData("?contains=50%25_off", 1)]
    [InlineData("?contains=nowhere", 0)]
    public async Task ListRunRollouts_Filters_Narrow(string query, int expected)
    {
        var id = await RunWithRolloutsAsync();

        var page = await world.Client.GetAsync($"/api/v1/runs/{id}/rollouts{query}").JsonAsync(200);

        Assert.Equal(expected, page.GetProperty("data").GetArrayLength());
    }

    [Fact]
    public async Task ListRunRollouts_SmallPages_ReadInOrderWithoutGap()
    {
        var id = await RunWithRolloutsAsync();

        var read = new List<string>();
        var cursor = "";
        do
        {
            var page = await world.Client.GetAsync($"/api/v1/runs/{id}/rollouts?limit=2{cursor}").JsonAsync(200);
            read.AddRange(page.GetProperty("data").EnumerateArray().Select(one =>
                $"{one.GetProperty("step")} {one.GetProperty("evaluation")} {one.GetProperty("group")} {one.GetProperty("sample")}"));
            cursor = page.GetProperty("has_more").GetBoolean() ? $"&cursor={page.Text("next_cursor")}" : "";
        }
        while (cursor.Length > 0);

        Assert.Equal(
            ["1 False 0 0", "1 False 0 1", "1 False 1 0", "1 False 1 1", "2 False 0 0", "2 False 0 1", "2 False 1 0", "2 False 1 1", "2 True 0 0"], read);
    }

    [Fact]
    public async Task ListRunRollouts_FailedGrade_HasNoRewardAndItsCode()
    {
        var id = await RunWithRolloutsAsync();

        var failed = (await world.Client.GetAsync($"/api/v1/runs/{id}/rollouts?errors=true&limit=1").JsonAsync(200)).GetProperty("data")[0];

        Assert.Equal(JsonValueKind.Null, failed.GetProperty("reward").ValueKind);
        Assert.Equal("other_error", failed.Text("error_code"));
        var good = (await world.Client.GetAsync($"/api/v1/runs/{id}/rollouts?min_reward=1&limit=1").JsonAsync(200)).GetProperty("data")[0];
        Assert.Equal(0.5, good.GetProperty("parts").GetProperty("style").GetDouble());
    }

    [Theory]
    [InlineData("?step=-1")]
    [InlineData("?step=1&latest=true")]
    [InlineData("?min_reward=NaN")]
    [InlineData("?min_reward=1&max_reward=0")]
    [InlineData("?max_reward=x")]
    [InlineData("?limit=201")]
    [InlineData("?cursor=1-2-0-0")]
    [InlineData("?cursor=x")]
    [InlineData("?errors=maybe")]
    [InlineData("?contains=")]
    public async Task ListRunRollouts_BadQuery_Is400(string query)
    {
        var id = (await world.SubmitAsync()).Text("id");

        await world.Client.GetAsync($"/api/v1/runs/{id}/rollouts{query}").ProblemAsync(400, "invalid_request");
    }

    private async Task<string> RunWithRolloutsAsync()
    {
        var (id, row) = await world.RunningAsync(2);
        // Two steps of 2 x 2 completions: good, poor, failed, good; and one evaluation.
        await world.SqlAsync(
            """
            insert into rollouts (run_id, step, is_evaluation, group_index, sample_index, row_index, prompt, completion, stop_reason, tokens, reward, error_code, parts)
            select $1, s, false, g, k, 0, 'p', case when (s, g, k) = (1, 0, 1) then '50%_off' else '50 per cent off' end, 'length', 3,
                   case when (g, k) = (0, 1) then 0.25 when (g, k) = (1, 0) then null else 1 end,
                   case when (g, k) = (1, 0) then 'other_error' end, '{"style":0.5}'::jsonb
            from generate_series(1, 2) s, generate_series(0, 1) g, generate_series(0, 1) k
            union all select $1, 2, true, 0, 0, 0, 'p', 'c', 'end_of_text', 3, 1, null, null
            """, row);
        return id;
    }
}
