using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace RftService.Service.Tests;

/// <summary>A model of the service as a judge of its own rewards, through the same chat completions as any other judge.</summary>
public sealed class OwnJudgeTests(WholeService service) : IClassFixture<WholeService>
{
    private static readonly object[] Question = [new { role = "user", content = "Mia has 7 apples. She buys 5 more. How many apples does Mia have now?" }];

    [Fact]
    public async Task DryRun_LabelModelOverOurOwnModel_IsGraded()
    {
        var answer = await service.PostAsync("rewards/dry-run", new
        {
            grader = Judge("quickstart"),
            samples = new[] { new { item = new { }, output_text = "7 + 5 = 12. #### 12" }, new { item = new { }, output_text = "no idea" } },
        });

        var grades = answer.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal(2, grades.Count);
        Assert.All(grades, grade => Assert.Contains(grade.GetProperty("value").GetDouble(), new[] { 0.0, 1.0 }));
    }

    [Fact]
    public async Task DryRun_ScoreModelOverOurOwnModel_GivesAValueInRange()
    {
        var answer = await service.PostAsync("rewards/dry-run", new
        {
            grader = new
            {
                type = "score_model",
                name = "judge",
                endpoint = "own",
                model = "quickstart",
                explain = false,
                range = new[] { -1.0, 1.0 },
                input = new object[] { new { role = "system", content = "Judge." }, new { role = "user", content = "{{sample.output_text}}" } },
                sampling_params = new { max_completions_tokens = 60, temperature = 0.0, seed = 1 },
            },
            samples = new[] { new { item = new { }, output_text = "7 + 5 = 12. #### 12" } },
        });

        var grade = Assert.Single(answer.GetProperty("results").EnumerateArray());
        Assert.True(grade.Text("outcome") == "value", grade.GetRawText());
        Assert.InRange(grade.GetProperty("value").GetDouble(), -1, 1);
    }

    [Fact]
    public async Task Run_GradedByACheckpointOfOurOwn_Succeeds()
    {
        var first = await service.EndOfAsync(await SubmitAsync(service.Reward));
        var checkpoint = (await service.GetAsync($"runs/{first.Text("id")}/checkpoints")).GetProperty("data")[0].Text("id");
        var reward = (await service.PostAsync("rewards", new { name = "judged", grader = Judge(checkpoint) })).Text("id");

        var second = await service.EndOfAsync(await SubmitAsync(reward));

        Assert.Equal(("succeeded", "succeeded"), (first.Text("status"), second.Text("status")));
        var rollouts = (await service.GetAsync($"runs/{second.Text("id")}/rollouts")).GetProperty("data").EnumerateArray().ToList();
        Assert.All(rollouts, rollout => Assert.Contains(rollout.GetProperty("reward").GetDouble(), new[] { 0.0, 1.0 }));
        Assert.True(second.GetProperty("spending").GetProperty("judge").GetProperty("completion_tokens").GetInt64() > 0);
    }

    [Fact]
    public async Task Chat_AsOpenAiClientsSendIt_Answers()
    {
        var byName = await service.PostAsync("chat/completions", new { model = "quickstart", messages = Question, max_completion_tokens = 40, temperature = 0.0, seed = 1 });

        var choice = byName.GetProperty("choices")[0];
        Assert.Equal(("chat.completion", "quickstart", "assistant"), (byName.Text("object"), byName.Text("model"), choice.GetProperty("message").Text("role")));
        Assert.NotEmpty(choice.GetProperty("message").Text("content"));
    }

    [Theory]
    [InlineData("ck_00000000000000000000000000000000", null, 422, "/model")]
    [InlineData("../../etc/passwd", null, 422, "/model")]
    [InlineData("", null, 400, "/model")]
    [InlineData("quickstart", 100_000, 422, "/max_completion_tokens")]
    [InlineData("quickstart", 0, 400, "/max_completion_tokens")]
    public async Task Chat_Impossible_NamesThePlace(string model, int? limit, int status, string pointer)
    {
        using var response = await service.Client.PostAsJsonAsync(new Uri("/api/v1/chat/completions", UriKind.Relative), new { model, messages = Question, max_completion_tokens = limit ?? 8 });

        var problem = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal((HttpStatusCode)status, response.StatusCode);
        Assert.Equal(pointer, problem.GetProperty("errors")[0].Text("pointer"));
    }

    private static object Judge(string model) => new
    {
        type = "label_model",
        name = "judge",
        endpoint = "own",
        model,
        explain = false, // three thousand weights cannot reason
        input = new[] { new { role = "user", content = "{{sample.output_text}}" } },
        labels = new[] { "good", "bad" },
        passing_labels = new[] { "good" },
        sampling_params = new { max_completions_tokens = 40, seed = 1 },
    };

    private async Task<string> SubmitAsync(string reward) => (await service.PostAsync("runs", new
    {
        model = "quickstart",
        dataset_id = service.Dataset("prompts"),
        reward_id = reward,
        recipe = new { algorithm = new { type = "grpo" }, steps = 1, prompts_per_step = 2, group_size = 4, sampling = new { max_tokens = 32 } },
    })).Text("id");
}
