using System.Text.Json;

namespace RftService.Service.Tests;

/// <summary>Every learning rule on every kind of data that it takes, over HTTP and on the quickstart's model.</summary>
public sealed class EveryRuleTests(WholeService service) : IClassFixture<WholeService>
{
    [Fact]
    public async Task Run_EveryRule_TrainsAndLeavesACheckpoint()
    {
        var runs = new Dictionary<string, string>();
        foreach (var rule in (await service.GetAsync("algorithms")).GetProperty("data").EnumerateArray())
        {
            foreach (var kind in rule.GetProperty("accepts").EnumerateArray().Select(kind => kind.GetString()!))
            {
                var run = await service.PostAsync("runs", new
                {
                    model = "quickstart",
                    dataset_id = service.Dataset(kind),
                    reward_id = rule.GetProperty("samples_completions").GetBoolean() && kind == "prompts" ? service.Reward : null,
                    expert_dataset_id = rule.GetProperty("needs_expert_dataset").GetBoolean() ? service.Dataset("expert") : null,
                    recipe = new
                    {
                        algorithm = new { type = rule.Text("name") },
                        steps = 2,
                        prompts_per_step = 4,
                        group_size = 4,
                        sampling = new { max_tokens = 48 },
                    },
                });
                runs[$"{rule.Text("name")} on {kind}"] = run.Text("id");
            }
        }

        Assert.True(runs.Count > 40, $"{runs.Count} runs");
        foreach (var (name, id) in runs)
        {
            var run = await service.EndOfAsync(id);
            Assert.True(run.Text("status") == "succeeded", $"{name}: {run.Text("status")} {run.GetProperty("failure")}");
            Assert.Equal(2, run.GetProperty("step").GetInt32());
            Assert.True(double.IsFinite(run.GetProperty("metrics").GetProperty("policy/loss").GetDouble()), name);
            Assert.Equal("final", (await service.GetAsync($"runs/{id}/checkpoints")).GetProperty("data")[0].Text("origin"));
        }
    }

    [Fact]
    public async Task Run_PausedAndResumed_GoesOnWhereItWas()
    {
        var request = new
        {
            model = "quickstart",
            dataset_id = service.Dataset("prompts"),
            reward_id = service.Reward,
            recipe = new
            {
                algorithm = new { type = "topr" },
                steps = 30,
                prompts_per_step = 4,
                group_size = 4,
                checkpoint_every = 1000,
                sampling = new { max_tokens = 48 },
            },
        };
        var id = (await service.PostAsync("runs", request)).Text("id");
        await service.UntilAsync(async () => (await service.GetAsync($"runs/{id}")).GetProperty("step").GetInt32() >= 2);

        Assert.True((await service.PostAsync($"runs/{id}/pause")).GetProperty("pause_requested").GetBoolean());
        await service.UntilAsync(async () => (await service.GetAsync($"runs/{id}")).Text("status") == "paused");
        var rests = await service.GetAsync($"runs/{id}");
        Assert.Equal(JsonValueKind.Null, rests.GetProperty("failure").ValueKind);
        var kept = (await service.GetAsync($"runs/{id}/checkpoints")).GetProperty("data")[0];
        Assert.Equal(("paused", rests.GetProperty("step").GetInt32()), (kept.Text("origin"), kept.GetProperty("step").GetInt32()));

        await service.PostAsync($"runs/{id}/resume");
        var other = (await service.PostAsync("runs", request)).Text("id");
        Assert.Equal("succeeded", (await service.EndOfAsync(id)).Text("status"));
        Assert.Equal("succeeded", (await service.EndOfAsync(other)).Text("status"));
        Assert.Equal(await RewardsAsync(other), await RewardsAsync(id)); // as if it had never rested
    }

    private async Task<IReadOnlyList<string>> RewardsAsync(string run) =>
        [.. (await service.GetAsync($"runs/{run}/metrics?names=reward/mean")).GetProperty("series").GetProperty("reward/mean").EnumerateArray().Select(point => point.GetRawText())];
}
