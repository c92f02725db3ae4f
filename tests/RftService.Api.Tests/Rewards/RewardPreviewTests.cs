using RftService.Api.Tests.Completions;
using RftService.Api.Tests.Hosting;
using RftService.Api.Tests.Runs;

namespace RftService.Api.Tests.Rewards;

public sealed class RewardPreviewTests(RunWorld world) : IClassFixture<RunWorld>
{
    private const string Wanted = """{"type":"contains","name":"g","keywords":["yes"]}""";
    private const string Two =
        """{"type":"weighted_sum","name":"g","graders":[{"weight":2,"grader":{"type":"contains","name":"a","keywords":["yes"]}},{"weight":1,"grader":{"type":"contains","name":"b","keywords":["no"]}}]}""";

    [Fact]
    public async Task Preview_MixedCompletions_ShowsSpreadAndAgreementAndIsLearnable()
    {
        await using var worker = await WorkerAsync(("yes", "stop"), ("no", "stop"), ("no", "length"));

        var preview = await PostAsync($$"""{"grader":{{Two}},"model":"tiny","dataset_id":"{{world.Prompts}}","rows":4,"group_size":3,"max_tokens":9}""").JsonAsync(200);

        Assert.True(preview.GetProperty("learnable").GetBoolean(), preview.GetRawText());
        Assert.Equal(12, preview.GetProperty("completions").GetInt32());
        Assert.Equal(1.0 / 3, preview.GetProperty("parts").GetProperty("a").GetProperty("mean").GetDouble(), 9);
        Assert.Equal(-1.0, Assert.Single(preview.GetProperty("agreement").EnumerateArray()).GetProperty("correlation").GetDouble(), 9);
        Assert.Equal(1.0 / 3, preview.GetProperty("truncated_share").GetDouble(), 9);
        Assert.Equal(["truncated_completions"], Codes(preview));
        Assert.Equal([0, 2, 5, 7], preview.GetProperty("samples").EnumerateArray().Select(sample => sample.GetProperty("row").GetInt32()).Distinct());
        Assert.Contains("\"max_tokens\":9", worker.Asked.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preview_OneKindOfAnswer_IsNotLearnable()
    {
        await using var worker = await WorkerAsync(("no", "stop"), ("no", "stop"));

        var preview = await PostAsync($$"""{"grader":{{Wanted}},"model":"tiny","dataset_id":"{{world.Prompts}}","rows":2,"group_size":2}""").JsonAsync(200);

        Assert.False(preview.GetProperty("learnable").GetBoolean());
        Assert.Equal(["constant_reward"], Codes(preview));
        Assert.Equal(0, preview.GetProperty("rows_with_spread").GetDouble());
    }

    [Fact]
    public async Task Preview_GraderThatFails_CountsErrorsAndGivesNoValue()
    {
        await using var worker = await WorkerAsync(("no", "stop"), ("no", "stop"));
        const string missing = """{"type":"string_check","name":"g","input":"{{sample.output_text}}","reference":"{{item.none}}","operation":"eq"}""";

        var preview = await PostAsync($$"""{"grader":{{missing}},"model":"tiny","dataset_id":"{{world.Prompts}}","rows":1,"group_size":2}""").JsonAsync(200);

        Assert.Equal(2, preview.GetProperty("errors").GetProperty("invalid_variable_error").GetInt32());
        Assert.Equal("null", preview.GetProperty("mean").GetRawText());
        Assert.Contains("grader_errors", Codes(preview));
    }

    [Fact]
    public async Task Preview_WhatIsNotThere_IsNamed()
    {
        string Body(string change) => $$"""{"grader":{{Wanted}},"model":"tiny","dataset_id":"{{world.Prompts}}"}""".Replace(change.Split('|')[0], change.Split('|')[1], StringComparison.Ordinal);

        Assert.Equal(["/model unknown_model"], (await PostAsync(Body("tiny|none")).ProblemAsync(422, "unknown_model")).Places());
        Assert.Equal(["/dataset_id unknown_dataset"], (await PostAsync(Body($"{world.Prompts}|{world.Rollouts}")).ProblemAsync(422, "unknown_dataset")).Places());
        Assert.Equal(["/model invalid_value"], (await PostAsync(Body("\"model\":\"tiny\",|")).ProblemAsync(400, "invalid_request")).Places());
        Assert.Equal(["/dataset_id unknown_dataset"],
            (await world.Api.Stranger.PostTextAsync("/api/v1/rewards/preview", $$"""{"grader":{{Wanted}},"model":"tiny","dataset_id":"{{world.Prompts}}"}""")
                .ProblemAsync(422, "unknown_model")).Places().Select(place => place.Replace("/model unknown_model", "/dataset_id unknown_dataset", StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Codes(System.Text.Json.JsonElement preview) => preview.GetProperty("findings").EnumerateArray().Select(finding => finding.Text("code"));

    private Task<HttpResponseMessage> PostAsync(string body) => world.Client.PostTextAsync("/api/v1/rewards/preview", body);

    private async Task<FakeWorker> WorkerAsync(params (string Text, string Finish)[] completions)
    {
        var worker = await FakeWorker.SayingAsync([.. completions.SelectMany((completion, i) => new[]
        {
            $$"""{"index":{{i}},"text":"{{completion.Text}}"}""",
            $$"""{"index":{{i}},"text":"","finish_reason":"{{completion.Finish}}","prompt_tokens":3,"completion_tokens":1}""",
        })]);
        await worker.RegisterAsync(world.Api.Database);
        return worker;
    }
}
