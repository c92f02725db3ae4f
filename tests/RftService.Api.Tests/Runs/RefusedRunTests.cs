using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Runs;

public sealed class RefusedRunTests(RunWorld world) : IClassFixture<RunWorld>
{
    private Task<HttpResponseMessage> PostAsync(params (string, string?)[] changes) => world.Client.PostTextAsync("/api/v1/runs", world.Body(changes));

    [Theory]
    [InlineData("model", "\"none\"", "/model unknown_model")]
    [InlineData("model", "\"md_00000000000000000000000000000000\"", "/model unknown_model")]
    [InlineData("dataset_id", "\"ds_00000000000000000000000000000000\"", "/dataset_id unknown_dataset")]
    [InlineData("dataset_id", "\"nonsense\"", "/dataset_id unknown_dataset")]
    [InlineData("reward_id", "\"rw_00000000000000000000000000000000\"", "/reward_id unknown_reward")]
    [InlineData("reward_id", null, "/reward_id reward_missing")]
    [InlineData("reward_version", "9", "/reward_version unknown_reward_version")]
    [InlineData("recipe.algorithm.type", "\"sft\"", "/dataset_id wrong_dataset_kind")]
    [InlineData("recipe.evaluation", "{}", "/evaluation_dataset_id evaluation_dataset_missing")]
    [InlineData("recipe.algorithm.type", "\"chord\"", "/expert_dataset_id expert_dataset_missing")]
    [InlineData("recipe.algorithm", """{"type":"custom","guidance":{"type":"truth"}}""", "/expert_dataset_id expert_dataset_missing")]
    [InlineData("recipe.algorithm", """{"type":"custom","draws":{},"terms":[{"loss":{"type":"one_token"}}]}""", "/dataset_id wrong_dataset_kind")]
    [InlineData("recipe.sampling.max_tokens", "512", "/recipe/sampling/max_tokens exceeds_context")]
    [InlineData("recipe.lora.target_modules", "[\"q_proj\",\"w_proj\"]", "/recipe/lora/target_modules/1 unknown_module")]
    [InlineData("recipe.lora.target_modules", "[\"q_proj\",\"q_proj\"]", "/recipe/lora/target_modules/1 duplicate_module")]
    public async Task CreateRun_Impossible_NamesThePlace(string path, string? json, string place)
    {
        var problem = await PostAsync((path, json)).ProblemAsync(422, "run_refused");

        Assert.Contains(place, problem.Places());
    }

    [Theory]
    [InlineData("recipe.sampling.temperature", "11", "/recipe/sampling/temperature out_of_range")]
    [InlineData("recipe.sampling.temperatur", "1", "/recipe/sampling/temperatur unknown_field")]
    [InlineData("recipe.algorithm.type", "\"ppo2\"", "/recipe/algorithm/type unknown_type")]
    [InlineData("recipe.algorithm.clip_low", "2", "/recipe/algorithm/clip_low out_of_range")]
    [InlineData("recipe.algorithm.kl.beta", "-1", "/recipe/algorithm/kl/beta out_of_range")]
    [InlineData("recipe.algorithm", """{"type":"topr","negative_taper":{"lower":2,"upper":1}}""", "/recipe/algorithm/negative_taper/lower invalid_value")]
    [InlineData("recipe.algorithm", """{"type":"topr","baseline":1,"target_positive_share":0.2}""", "/recipe/algorithm/target_positive_share invalid_value")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[]}""", "/recipe/algorithm/terms invalid_length")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[{"loss":{"type":"clip","low":2}}]}""", "/recipe/algorithm/terms/0/loss/low out_of_range")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[{"loss":{"type":"clip","lo":2}}]}""", "/recipe/algorithm/terms/0/loss/lo unknown_field")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[{"loss":{"type":"klip"}}]}""", "/recipe/algorithm/terms/0/loss/type unknown_type")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[{"name":"x"}]}""", "/recipe/algorithm/terms/0 missing_field")]
    [InlineData("recipe.algorithm", """{"type":"custom","advantage":{}}""", "/recipe/algorithm/advantage/type missing_field")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[{"name":"A b","loss":{"type":"score"}}]}""", "/recipe/algorithm/terms/0/name invalid_format")]
    [InlineData("recipe.algorithm", """{"type":"custom","guidance":{"type":"hint","lead":""}}""", "/recipe/algorithm/guidance/lead invalid_length")]
    [InlineData("recipe.algorithm", """{"type":"custom","replay":{"type":"self_imitation"}}""", "/recipe/algorithm/replay invalid_value")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[{"loss":{"type":"clip"},"source":"experts"}]}""", "/recipe/algorithm/terms invalid_value")]
    [InlineData("recipe.algorithm", """{"type":"custom","terms":[{"loss":{"type":"one_token"}}]}""", "/recipe/algorithm/draws invalid_value")]
    [InlineData("recipe.algorithm", """{"type":"chord","mu":{"type":"constant","value":2}}""", "/recipe/algorithm/mu invalid_value")]
    [InlineData("recipe.algorithm", """{"type":"chord","mu":{"type":"reward_gap","target":"x"}}""", "/recipe/algorithm/mu/target wrong_type")]
    [InlineData("recipe.asynchrony", """{"staleness":2,"sync_interval":3}""", "/recipe/asynchrony/sync_interval invalid_value")]
    [InlineData("recipe.asynchrony", """{"staleness":65}""", "/recipe/asynchrony/staleness out_of_range")]
    [InlineData("recipe.steps", "\"20\"", "/recipe/steps wrong_type")]
    [InlineData("recipe.steps", "0", "/recipe/steps out_of_range")]
    [InlineData("recipe.steps", null, "/recipe/steps invalid_value")]
    [InlineData("recipe.sampling.stop", "[\"\"]", "/recipe/sampling/stop invalid_value")]
    [InlineData("recipe.sampling.stop", "[null]", "/recipe/sampling/stop/0 null_value")]
    [InlineData("recipe.sampling.interruption", "{\"min_tokens\":9,\"max_tokens\":8}", "/recipe/sampling/interruption/min_tokens invalid_value")]
    [InlineData("recipe.sampling", "{\"max_tokens\":32,\"interruption\":{\"min_tokens\":9,\"max_tokens\":32}}", "/recipe/sampling/interruption invalid_value")]
    [InlineData("recipe.sampling", "null", "/recipe/sampling null_value")]
    [InlineData("priority", "101", "/priority out_of_range")]
    [InlineData("name", "\"\"", "/name invalid_length")]
    public async Task CreateRun_Unreadable_NamesThePlace(string path, string? json, string place)
    {
        // A body cannot say null by being without the member.
        var body = json == "null" ? world.Body((path, "\"@\"")).Replace("\"@\"", "null", StringComparison.Ordinal) : world.Body((path, json));

        var problem = await world.Client.PostTextAsync("/api/v1/runs", body).ProblemAsync(400, "invalid_request");

        Assert.Contains(place, problem.Places());
    }

    [Fact]
    public async Task CreateRun_SeveralFaults_AreAllNamedAtOnce()
    {
        var problem = await PostAsync(("model", "\"none\""), ("reward_id", null), ("recipe.evaluation", "{}")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/model unknown_model", "/evaluation_dataset_id evaluation_dataset_missing", "/reward_id reward_missing"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_StepTooLargeToStore_IsRefused()
    {
        var problem = await PostAsync(("recipe.prompts_per_step", "4096"), ("recipe.group_size", "1024")).ProblemAsync(400, "invalid_request");

        Assert.Equal(["/recipe/group_size invalid_value"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_FallingRateWithoutSteps_IsRefused()
    {
        var problem = await PostAsync(("recipe.steps", null), ("recipe.budget.max_minutes", "1"), ("recipe.optimizer.schedule", "\"linear\""))
            .ProblemAsync(400, "invalid_request");

        Assert.Equal(["/recipe/steps invalid_value"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_RewardThatNothingUses_IsRefused()
    {
        var problem = await PostAsync(("dataset_id", $"\"{world.Rollouts}\""), ("recipe.algorithm.type", "\"topr\"")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/reward_id reward_unused"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_AsynchronyWhereNothingIsSampled_IsRefused()
    {
        var problem = await PostAsync(
            ("dataset_id", $"\"{world.Rollouts}\""), ("reward_id", null), ("recipe.algorithm.type", "\"topr\""),
            ("recipe.asynchrony", """{"sync_interval":20}""")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/recipe/asynchrony nothing_sampled"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_EvaluationWithoutReward_IsRefused()
    {
        var problem = await PostAsync(
            ("dataset_id", $"\"{world.Expert}\""), ("recipe.algorithm.type", "\"sft\""), ("reward_id", null),
            ("evaluation_dataset_id", $"\"{world.Prompts}\""), ("recipe.evaluation", "{}")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/reward_id reward_missing"], problem.Places());
    }

    [Theory]
    [InlineData("sem-dpo", null, "rows_refused", "/dataset_id weight_missing")]
    [InlineData("grpo", null, "run_refused", "/dataset_id wrong_dataset_kind")]
    [InlineData("dpo", "reward", "run_refused", "/reward_id reward_unused")]
    public async Task CreateRun_Preferences_NeedTheRightRuleAndNoReward(string rule, string? reward, string code, string place)
    {
        var problem = await PostAsync(
            ("dataset_id", $"\"{world.Preferences}\""), ("recipe.algorithm.type", $"\"{rule}\""),
            ("reward_id", reward is null ? null : $"\"{world.Reward}\"")).ProblemAsync(422, code);

        Assert.Equal([place], problem.Places());
    }

    [Fact]
    public async Task CreateRun_PreferenceRuleOnPrompts_IsRefused()
    {
        var problem = await PostAsync(("recipe.algorithm.type", "\"dpo\"")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/dataset_id wrong_dataset_kind"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_EvaluationOnPairsOfARunThatSamples_IsRefused()
    {
        var problem = await PostAsync(("evaluation_dataset_id", $"\"{world.Preferences}\""), ("recipe.evaluation", "{}")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/evaluation_dataset_id wrong_dataset_kind"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_VersionWithoutReward_IsRefused()
    {
        var problem = await PostAsync(("reward_id", null), ("reward_version", "1")).ProblemAsync(422, "run_refused");

        Assert.Contains("/reward_version reward_missing", problem.Places());
    }

    [Fact]
    public async Task CreateRun_EvaluationDatasetWithoutEvaluation_IsRefused()
    {
        var problem = await PostAsync(("evaluation_dataset_id", $"\"{world.Prompts}\"")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/recipe/evaluation evaluation_missing"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_ReturnWeightingWithoutLoggedRollouts_IsRefused()
    {
        var problem = await PostAsync(("recipe.return_weighting", "{}")).ProblemAsync(422, "run_refused");

        Assert.Equal(["/recipe/return_weighting return_weighting_unused"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_GuideWithoutHints_IsRefused()
    {
        var hinted = await world.AddDatasetAsync("prompts", ["""{"prompt":"a","hint":"b","answer":"1"}"""]);

        var problem = await PostAsync(("recipe.algorithm.type", "\"guide\"")).ProblemAsync(422, "rows_refused");

        Assert.Equal(["/dataset_id hint_missing"], problem.Places());
        await world.SubmitAsync(("recipe.algorithm.type", "\"guide\""), ("dataset_id", $"\"{hinted}\""));
    }

    [Fact]
    public async Task CreateRun_ExpertRowsThatDoNotFit_AreRefused()
    {
        async Task<string[]> PlacesAsync(string algorithm, string expert) => [.. (await PostAsync(
            ("recipe.algorithm.type", $"\"{algorithm}\""), ("expert_dataset_id", $"\"{expert}\"")).ProblemAsync(422, "run_refused")).Places()];

        Assert.Equal(["/expert_dataset_id expert_dataset_unused"], await PlacesAsync("grpo", world.Expert));
        Assert.Equal(["/expert_dataset_id wrong_dataset_kind"], await PlacesAsync("chord", world.Prompts));
        Assert.Equal(["/expert_dataset_id unknown_dataset"], await PlacesAsync("chord", "ds_00000000000000000000000000000000"));

        var foreign = await world.Api.Stranger
            .PostTextAsync("/api/v1/runs", world.Body(("recipe.algorithm.type", "\"chord\""), ("expert_dataset_id", $"\"{world.Expert}\"")))
            .ProblemAsync(422, "run_refused");
        Assert.Contains("/expert_dataset_id unknown_dataset", foreign.Places());

        var chats = await world.AddDatasetAsync("expert", ["""{"messages":[{"role":"user","content":"Hi"}],"completion":"Hi"}"""]);
        var rows = await PostAsync(("recipe.algorithm.type", "\"chord\""), ("expert_dataset_id", $"\"{chats}\"")).ProblemAsync(422, "rows_refused");
        Assert.Equal(["/expert_dataset_id chat_template_missing"], rows.Places());
    }

    [Fact]
    public async Task CreateRun_EvaluationRowWithoutAnswer_IsRefusedWithItsRow()
    {
        var held = await world.AddDatasetAsync("prompts", ["""{"prompt":"a","answer":"1"}""", """{"prompt":"b"}"""]);

        var problem = await PostAsync(("evaluation_dataset_id", $"\"{held}\""), ("recipe.evaluation", "{}")).ProblemAsync(422, "rows_refused");

        Assert.Equal(["/evaluation_dataset_id rows_not_gradable", "/evaluation_dataset_id row_not_gradable"], problem.Places());
        // Only the rows that the evaluation reads count.
        await world.SubmitAsync(("evaluation_dataset_id", $"\"{held}\""), ("recipe.evaluation.rows", "1"));
    }

    [Fact]
    public async Task CreateRun_MessagesWithoutChatTemplate_AreRefused()
    {
        var chats = await world.AddDatasetAsync("prompts", ["""{"messages":[{"role":"user","content":"Hi"}],"answer":"Hi"}"""]);

        var problem = await PostAsync(("dataset_id", $"\"{chats}\"")).ProblemAsync(422, "rows_refused");

        Assert.Equal(["/dataset_id chat_template_missing"], problem.Places());
        await world.SubmitAsync(("dataset_id", $"\"{chats}\""), ("model", "\"chatty\""));
    }

    [Fact]
    public async Task CreateRun_ThingsOfAnotherProject_AreUnknown()
    {
        var problem = await world.Api.Stranger.PostTextAsync("/api/v1/runs", world.Body()).ProblemAsync(422, "run_refused");

        Assert.Equal(["/model unknown_model", "/dataset_id unknown_dataset", "/reward_id unknown_reward"], problem.Places());
    }

    [Fact]
    public async Task CreateRun_NulAndHugeInputs_AreRefused()
    {
        var nul = await PostAsync(("name", "\"a\\u0000b\"")).ProblemAsync(400, "invalid_request");
        Assert.Equal(["/name invalid_value"], nul.Places());

        using var huge = await world.Client.PostTextAsync("/api/v1/runs", world.Body(("name", $"\"{new string('x', 2_000_000)}\"")));
        Assert.InRange((int)huge.StatusCode, 400, 413);
        using var deep = await world.Client.PostTextAsync("/api/v1/runs", new string('[', 100_000));
        Assert.Equal(400, (int)deep.StatusCode);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("null")]
    public async Task CreateRun_NoObject_Is400(string body)
    {
        using var response = await world.Client.PostTextAsync("/api/v1/runs", body);

        Assert.Equal(400, (int)response.StatusCode);
    }

    [Fact]
    public async Task Runs_NoKey_Is401() =>
        await world.Api.ClientWith(null).PostTextAsync("/api/v1/runs", world.Body()).ProblemAsync(401, "unauthorized");
}
