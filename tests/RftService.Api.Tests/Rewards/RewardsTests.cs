using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Rewards;

public sealed class RewardsTests(RftApi api) : IClassFixture<RftApi>
{
    private const string Other = """{"grader":{"type":"string_check","name":"exact","operation":"ilike","input":"{{sample.output_text}}","reference":"{{item.answer}}"}}""";

    [Fact]
    public async Task CreateReward_ThenVersion_KeepsBoth()
    {
        var id = await CreateAsync();

        var second = await api.Client.PostTextAsync($"/api/v1/rewards/{id}/versions", Other).JsonAsync(201);

        Assert.Equal(2, second.GetProperty("version").GetInt32());
        var newest = await GetAsync(api.Client, id).JsonAsync(200);
        Assert.Equal(2, newest.GetProperty("latest_version").GetInt32());
        Assert.Equal("ilike", newest.GetProperty("grader").Text("operation"));
        var first = await GetAsync(api.Client, id + "/versions/1").JsonAsync(200);
        Assert.Equal("eq", first.GetProperty("grader").Text("operation"));
        Assert.Equal("string_check", first.GetProperty("grader").Text("type"));
    }

    [Fact]
    public async Task CreateReward_TypeLast_IsRead() =>
        await api.Client.PostTextAsync("/api/v1/rewards",
            """{"name":"x","grader":{"name":"exact","operation":"eq","input":"a","reference":"b","type":"string_check"}}""").JsonAsync(201);

    [Theory]
    [InlineData("""{"type":"magic","name":"x"}""", "/grader/type unknown_type", "string_check")]
    [InlineData("""{"name":"x"}""", "/grader/type missing_field", "string_check")]
    [InlineData("""{"type":"string_check","name":"x","operation":"eq","input":"a","reference":"b","inpt":"c"}""", "/grader/inpt unknown_field", "reference")]
    [InlineData("""{"type":"string_check","name":"x","operation":"equals","input":"a","reference":"b"}""", "/grader/operation invalid_value", "ilike")]
    [InlineData("""{"type":"string_check","name":"x","operation":0,"input":"a","reference":"b"}""", "/grader/operation invalid_value", "ilike")]
    [InlineData("""{"type":"string_check","name":"a b","operation":"eq","input":"a","reference":"b"}""", "/grader/name invalid_format", "A-Z")]
    [InlineData("7", "/grader wrong_type", "object")]
    public async Task CreateReward_UnreadableGrader_Is400WithPlaceAndRemedy(string grader, string place, string remedy)
    {
        var problem = await api.Client.PostTextAsync("/api/v1/rewards", $$"""{"name":"x","grader":{{grader}}}""").ProblemAsync(400, "invalid_request");

        Assert.Equal([place], problem.Places());
        Assert.Contains(remedy, problem.Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CreateReward_BrokenTemplate_Is422WithPointerIntoTheTree()
    {
        var problem = await api.Client.PostTextAsync("/api/v1/rewards", Samples.Reward.Replace("{{item.answer}}", "{{item.answer", StringComparison.Ordinal))
            .ProblemAsync(422, "invalid_grader");

        Assert.Equal(["/grader/reference invalid_grader"], problem.Places());
    }

    [Fact]
    public async Task Reward_OfAnotherProject_Is404Everywhere()
    {
        var id = await CreateAsync();

        await GetAsync(api.Stranger, id).ProblemAsync(404, "not_found");
        await GetAsync(api.Stranger, id + "/versions/1").ProblemAsync(404, "not_found");
        await api.Stranger.PostTextAsync($"/api/v1/rewards/{id}/versions", Other).ProblemAsync(404, "not_found");
        await api.Stranger.DeleteAsync(new Uri($"/api/v1/rewards/{id}", UriKind.Relative)).ProblemAsync(404, "not_found");
        await api.Stranger.PostTextAsync("/api/v1/rewards/dry-run", $$"""{"reward_id":"{{id}}","samples":[{"item":{},"output_text":"x"}]}""")
            .ProblemAsync(422, "unknown_reward");
    }

    [Fact]
    public async Task DeleteReward_IsGoneFromListAndGet()
    {
        var id = await CreateAsync();

        using var deleted = await api.Client.DeleteAsync(new Uri($"/api/v1/rewards/{id}", UriKind.Relative));

        Assert.Equal(204, (int)deleted.StatusCode);
        await GetAsync(api.Client, id).ProblemAsync(404, "not_found");
        var list = await api.Client.GetAsync(new Uri("/api/v1/rewards", UriKind.Relative)).JsonAsync(200);
        Assert.DoesNotContain(list.GetProperty("data").EnumerateArray(), reward => reward.Text("id") == id);
    }

    [Theory]
    [InlineData("rw_1")]
    [InlineData("ds_00000000000070008000000000000000")]
    [InlineData("..%2f..%2fetc")]
    public Task GetReward_NoId_Is404(string id) => GetAsync(api.Client, id).ProblemAsync(404, "not_found");

    [Fact]
    public async Task DryRun_Stored_TellsValueFromError()
    {
        var id = await CreateAsync();

        var answer = await api.Client.PostTextAsync("/api/v1/rewards/dry-run", $$"""
            {"reward_id":"{{id}}","version":1,"samples":[
              {"item":{"answer":"42"},"output_text":"42"},
              {"item":{"answer":"42"},"output_text":"43"},
              {"item":{"anser":"42"},"output_text":"42"}]}
            """).JsonAsync(200);

        var results = answer.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal(["value", "value", "error"], results.Select(result => result.Text("outcome")));
        Assert.Equal("invalid_variable_error", results[2].Text("error"));
        Assert.Equal("/answer", results[2].GetProperty("item_fault").Text("pointer"));
        Assert.Equal(0.5, answer.GetProperty("mean").GetDouble()); // (1 + 0) / 2: the error is no 0
        Assert.Equal(1, answer.GetProperty("errors").GetInt32());
    }

    [Fact]
    public async Task DryRun_PythonGrader_RunsInTheSandbox()
    {
        // A machine without bubblewrap refuses with the way to get it; deploy/sandbox.sh installs it where the tests run.
        var answer = await api.Client.PostTextAsync("/api/v1/rewards/dry-run", """
            {"grader":{"type":"python","name":"g","source":"def grade(sample, item):\n  return len(sample['output_text']) / item['n']"},
             "samples":[{"item":{"n":4},"output_text":"ab"},{"item":{"n":0},"output_text":"ab"}]}
            """).JsonAsync(200);

        var results = answer.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal(0.5, results[0].GetProperty("value").GetDouble());
        Assert.Equal("python_grader_runtime_error", results[1].Text("error"));
        Assert.True(results[0].GetProperty("latency_ms").GetDouble() > 0);
    }

    [Theory]
    [InlineData("""{"type":"python","name":"g","source":"def grade(sample, item) return 1"}""", "/grader/source")]
    [InlineData("""{"type":"javascript","name":"g","source":"function grade( {"}""", "/grader/source")]
    [InlineData("""{"type":"multi","name":"g","calculate_output":"a + b","graders":{"a":{"type":"length","name":"l","max":1}}}""", "/grader/calculate_output")]
    public async Task CreateReward_CodeThatDoesNotLoad_Is422(string grader, string pointer)
    {
        var problem = await api.Client.PostTextAsync("/api/v1/rewards", $$"""{"name":"r","grader":{{grader}}}""").ProblemAsync(422, "invalid_grader");

        Assert.Equal(pointer, problem.GetProperty("errors")[0].Text("pointer"));
    }

    [Fact]
    public async Task DryRun_Inline_ShowsParts()
    {
        var answer = await api.Client.PostTextAsync("/api/v1/rewards/dry-run",
            $$$"""{"grader":{{{Samples.Grader}}},"samples":[{"item":{"answer":"a\u0000b"},"output_text":"x"}]}""").JsonAsync(200);

        Assert.Equal("value", answer.GetProperty("results")[0].Text("outcome"));
    }

    [Theory]
    [InlineData("""{"samples":[{"item":{},"output_text":"x"}]}""", "/grader invalid_value")]
    [InlineData("""{"reward_id":"rw_1","samples":[]}""", "/samples invalid_length")]
    [InlineData("""{"reward_id":"rw_1","samples":[{"item":[],"output_text":"x"}]}""", "/samples/0/item invalid_value")]
    [InlineData("""{"reward_id":"rw_1","version":0,"samples":[{"item":{},"output_text":"x"}]}""", "/version out_of_range")]
    public async Task DryRun_BadRequest_NamesThePlace(string body, string place)
    {
        var problem = await api.Client.PostTextAsync("/api/v1/rewards/dry-run", body).ProblemAsync(400, "invalid_request");

        Assert.Equal([place], problem.Places());
    }

    [Fact]
    public async Task Validate_GoodGrader_IsShownWithItsDefaultsAndNotStored()
    {
        var before = (await api.Client.GetAsync(new Uri("/api/v1/rewards", UriKind.Relative)).JsonAsync(200)).GetProperty("data").GetArrayLength();

        var answer = await api.Client.PostTextAsync("/api/v1/rewards/validate", """{"grader":{"type":"numeric_answer","name":"a","reference":"{{item.answer}}"}}""").JsonAsync(200);

        Assert.Equal("{{ sample.output_text }}", answer.GetProperty("grader").Text("input"));
        Assert.Equal("null", answer.GetProperty("rows").GetRawText());
        Assert.Equal(before, (await api.Client.GetAsync(new Uri("/api/v1/rewards", UriKind.Relative)).JsonAsync(200)).GetProperty("data").GetArrayLength());
    }

    [Fact]
    public async Task Validate_BadGraderOrDataset_NamesThePlace()
    {
        Assert.Equal(["/grader/pattern invalid_grader"],
            (await api.Client.PostTextAsync("/api/v1/rewards/validate", """{"grader":{"type":"regex","name":"r","pattern":"(a"}}""").ProblemAsync(422, "invalid_grader")).Places());
        Assert.Equal(["/dataset_id unknown_dataset"],
            (await api.Client.PostTextAsync("/api/v1/rewards/validate", """{"grader":{"type":"regex","name":"r","pattern":"a"},"dataset_id":"ds_1"}""").ProblemAsync(422, "unknown_dataset")).Places());
    }

    [Theory]
    [InlineData("""{"type":"multi","name":"m","calculate_output":"a","graders":{"a":{"type":"length","name":"l","max":"9"}}}""", "/grader/graders/a/max wrong_type")]
    [InlineData("""{"type":"multi","name":"m","calculate_output":"a","graders":{"a":{"type":"clip","name":"c","grader":{"type":"length","name":"l","mx":9}}}}""", "/grader/graders/a/grader/mx unknown_field")]
    [InlineData("""{"type":"multi","name":"m","calculate_output":"a","graders":{"a/b":{"type":"none","name":"l"}}}""", "/grader/graders/a~1b/type unknown_type")]
    [InlineData("""{"type":"multi","name":"m","calculate_output":"a","graders":[{"type":"length","name":"a","max":1},{"type":"length","name":"b"}, 7]}""", "/grader/graders/2 wrong_type")]
    [InlineData("""{"type":"multi","name":"m","calculate_output":"a","graders":{"a":{"type":"length","name":"a"},"b":null}}""", "/grader/graders/b invalid_value")]
    public async Task CreateReward_FaultBelowNamedGraders_HasItsWholePlace(string grader, string place) =>
        Assert.Equal([place], (await api.Client.PostTextAsync("/api/v1/rewards", $$"""{"name":"x","grader":{{grader}}}""").ProblemAsync(400, "invalid_request")).Places());

    private static Task<HttpResponseMessage> GetAsync(HttpClient client, string id) => client.GetAsync(new Uri("/api/v1/rewards/" + id, UriKind.Relative));

    private async Task<string> CreateAsync() => (await api.Client.PostTextAsync("/api/v1/rewards", Samples.Reward).JsonAsync(201)).Text("id");
}
