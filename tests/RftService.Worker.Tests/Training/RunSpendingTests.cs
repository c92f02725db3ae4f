using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Grading;
using RftService.Grading.Judges;
using RftService.Grading.Outbound;
using RftService.Worker.Training;

namespace RftService.Worker.Tests.Training;

public sealed class RunSpendingTests : IAsyncLifetime
{
    private readonly TestRuns _runs = new();

    public Task InitializeAsync() => _runs.InitializeAsync();

    public Task DisposeAsync() => _runs.DisposeAsync();

    [Fact]
    public async Task Store_AndReadAgain_CountsOn()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());
        using var lease = (await _runs.Queue().TryClaimBestAsync(CancellationToken.None))!;
        var spent = new Dictionary<string, Spending> { ["judge"] = new(100, 10, 0.5) };

        RunSpending.Resume(lease, null).Store();
        Assert.Null((await _runs.GetAsync(run)).SpendingJson);
        new RunSpending(lease, new SpendLedger(spent), stored: null).Store();
        var json = (await _runs.GetAsync(run)).SpendingJson;

        Assert.Equal("""{"judge": {"cost": 0.5, "prompt_tokens": 100, "completion_tokens": 10}}""", json);
        Assert.Equal(spent["judge"], RunSpending.Resume(lease, json).Ledger.Spent["judge"]);
    }

    [Fact]
    public async Task Crash_WhileAStepIsGraded_ForgetsNoAnswerThatCame()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());
        using var lease = (await _runs.Queue().TryClaimBestAsync(CancellationToken.None))!;
        await using var judge = await StartJudgeAsync();
        using var host = HostOf(judge.Urls.Single());
        var spending = RunSpending.Resume(lease, null);
        var grader = new RewardGrader(JudgeOf(host, spending.Ledger), NullLogger<RewardGrader>.Instance, spending.Store);
        using var kill = new CancellationTokenSource();

        // One answer comes, the other never does; what a crash finds is what the row holds meanwhile.
        var grading = Task.Run(() => grader.Grade([Group("quick", "slow")], 0, kill.Token));
        string? found = null;
        for (var tries = 0; found is null && tries < 100; tries++)
        {
            await Task.Delay(100);
            found = (await _runs.GetAsync(run)).SpendingJson;
        }

        Assert.False(grading.IsCompleted);
        var resumed = RunSpending.Resume(lease, found);
        Assert.Equal(new Spending(100, 10, 0), resumed.Ledger.Spent["judge"]);
        var after = new RewardGrader(JudgeOf(host, resumed.Ledger), NullLogger<RewardGrader>.Instance, resumed.Store);
        Assert.Contains("budget is spent: 110 tokens", Assert.Single(after.Grade([Group("quick")], 0, CancellationToken.None)).Reason, StringComparison.Ordinal);

        await kill.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => grading);
    }

    private static async Task<WebApplication> StartJudgeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var judge = builder.Build();
        judge.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            if ((await reader.ReadToEndAsync()).Contains("slow", StringComparison.Ordinal))
            {
                await Task.Delay(Timeout.Infinite, http.RequestAborted);
            }

            await http.Response.WriteAsync("""{"choices":[{"message":{"role":"assistant","content":"{\"result\": 1}"}}],"usage":{"prompt_tokens":100,"completion_tokens":10}}""");
        });
        await judge.StartAsync();
        return judge;
    }

    private static GraderHost HostOf(string url)
    {
        var options = new OutboundOptions { AllowedNetworks = ["127.0.0.0/8"], AllowHttp = true };
        options.Judges["default"] = new JudgeEndpoint { BaseUrl = url + "/v1" };
        return new GraderHost(options);
    }

    private static IGrader JudgeOf(GraderHost host, SpendLedger ledger) => GraderCatalog.Create(
        JsonSerializer.Deserialize<GraderSpec>(
            """{"type":"score_model","name":"judge","model":"m","max_total_tokens":110,"input":[{"role":"user","content":"{{sample.output_text}}"}]}""", RecipeJson.Options)!,
        host, ledger);

    private static RolloutGroup Group(params string[] texts) => new(
        new Row { Index = 0, Item = JsonDocument.Parse("{}").RootElement }, "", [],
        [.. texts.Select(text => new Rollout { Tokens = [], BehaviorLogProbs = [], Text = text, Stop = StopReason.EndOfText })]);
}
