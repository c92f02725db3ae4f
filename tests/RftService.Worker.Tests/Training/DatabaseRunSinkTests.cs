using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using RftService.Data.Runs;
using RftService.Engine;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Worker.Queue;
using RftService.Worker.Training;

namespace RftService.Worker.Tests.Training;

public sealed class DatabaseRunSinkTests : IAsyncLifetime
{
    private readonly TestRuns _runs = new();

    public Task InitializeAsync() => _runs.InitializeAsync();

    public Task DisposeAsync() => _runs.DisposeAsync();

    [Fact]
    public async Task Step_WithRolloutsAndEvaluation_IsStoredWholeAndAnnounced()
    {
        var (run, lease, sink) = await ClaimAsync();
        using var _ = lease;
        await using var listener = await _runs.Source.OpenConnectionAsync();
        var heard = new TaskCompletionSource<string>();
        listener.Notification += (_, signal) => heard.TrySetResult(signal.Payload);
        await using (var listen = new NpgsqlCommand($"listen {RunChannel.Name}", listener))
        {
            await listen.ExecuteNonQueryAsync();
        }

        sink.Started(1, 4);
        var parts = new Dictionary<string, double> { ["length"] = 0.5 };
        var info = new Dictionary<string, JsonElement> { ["who"] = JsonElement.Parse("\"me\"") };
        sink.Step(new StepReport(
            1,
            new Dictionary<string, double> { ["reward/mean"] = 0.25 },
            [Group(new RolloutGrade(0.5, Parts: parts) { Info = info, Latency = TimeSpan.FromMilliseconds(12.5), Steps = [new(0, 2, 0.25, 1)] }, new RolloutGrade(null, "other_error", "broken"))],
            [Group(new RolloutGrade(1))],
            0.25));

        await listener.WaitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token);
        Assert.Equal(run.ToString(), await heard.Task);
        await using var db = _runs.Open();
        var metrics = await db.StepMetrics.SingleAsync(m => m.RunId == run);
        Assert.Equal((1, 1), (metrics.Step, metrics.Attempt));
        Assert.Equal(0.25, JsonDocument.Parse(metrics.ValuesJson).RootElement.GetProperty("reward/mean").GetDouble());
        var rollouts = await db.Rollouts.Where(r => r.RunId == run).OrderBy(r => r.IsEvaluation).ThenBy(r => r.SampleIndex).ToListAsync();
        Assert.Equal([(false, 0), (false, 1), (true, 0)], rollouts.Select(r => (r.IsEvaluation, r.SampleIndex)));
        Assert.Equal([0.5, null, 1.0], rollouts.Select(r => r.Reward));
        Assert.Equal([null, "other_error", null], rollouts.Select(r => r.ErrorCode));
        Assert.Equal("{\"length\": 0.5}", rollouts[0].PartsJson);
        Assert.Equal(("{\"who\": \"me\"}", 12.5), (rollouts[0].InfoJson, rollouts[0].GradingMs));
        Assert.Equal("""[{"score": 1, "start": 0, "length": 2, "reward": 0.25}]""", rollouts[0].StepsJson);
        Assert.Equal(("stop_text", 2, 7), (rollouts[0].StopReason, rollouts[0].Tokens, rollouts[0].RowIndex));
        var row = await _runs.GetAsync(run);
        Assert.Equal((1, 0.25, (int?)4), (row.Step, row.Progress, row.TotalSteps));
    }

    [Fact]
    public async Task Step_WithoutRollouts_IsStored()
    {
        var (run, lease, sink) = await ClaimAsync();
        using var _ = lease;

        sink.Step(new StepReport(0, new Dictionary<string, double>(), [], [], 0));

        Assert.Equal(1, await _runs.CountAsync("select count(*) from step_metrics where run_id = @run and step = 0", run));
    }

    [Fact]
    public async Task Step_Twice_IsRefusedAsAWhole()
    {
        var (run, lease, sink) = await ClaimAsync();
        using var _ = lease;
        sink.Step(Report(1));

        Assert.Throws<PostgresException>(() => sink.Step(Report(1)));

        Assert.Equal(1, await _runs.CountAsync("select count(*) from rollouts where run_id = @run", run));
        Assert.Equal(4, await _runs.CountAsync("select sum(attempts) from row_attempts where run_id = @run and row_index = 7", run));
    }

    [Fact]
    public async Task Step_AfterTakeover_WritesNeitherMetricsNorRolloutsNorStep()
    {
        var (run, lease, sink) = await ClaimAsync();
        using var stale = lease;
        await _runs.ExpireAsync(run);
        using var owner = await _runs.Queue("w2").TryClaimBestAsync(CancellationToken.None);

        Assert.Throws<LeaseLostException>(() => sink.Step(Report(1)));
        Assert.Throws<LeaseLostException>(() => sink.Notice(new RunNotice(NoticeLevel.Warn, "late", "m", 1)));

        Assert.Equal(0, await _runs.CountAsync("select count(*) from step_metrics where run_id = @run", run));
        Assert.Equal(0, await _runs.CountAsync("select count(*) from rollouts where run_id = @run", run));
        Assert.Equal(0, await _runs.CountAsync("select count(*) from row_attempts where run_id = @run", run));
        Assert.Equal(0, (await _runs.GetAsync(run)).Step);
        Assert.DoesNotContain("late", await _runs.EventsAsync(run));
    }

    [Fact]
    public async Task Step_TextThatPostgresRefuses_IsStoredWithReplacements()
    {
        var (run, lease, sink) = await ClaimAsync();
        using var _ = lease;

        sink.Step(Report(1, "nul \0, half a pair \uD83D, a pair \uD83D\uDE00"));

        await using var db = _runs.Open();
        Assert.Equal("nul \uFFFD, half a pair \uFFFD, a pair \uD83D\uDE00", (await db.Rollouts.SingleAsync(r => r.RunId == run)).Completion);
    }

    [Fact]
    public async Task Checkpoint_AfterItsStep_IsARowWithARelativeFolder()
    {
        var (run, lease, sink) = await ClaimAsync();
        using var _ = lease;
        sink.Started(1, 4);
        sink.Step(Report(1));

        sink.Checkpoint(new CheckpointReport(1, _runs.Paths.InData("runs/x/attempt-1/step-00000001"), true, 12, "abc", CheckpointOrigin.Cancelled));

        await using var db = _runs.Open();
        var checkpoint = await db.Checkpoints.SingleAsync(c => c.RunId == run);
        Assert.Equal(("runs/x/attempt-1/step-00000001", 1, 1, true, "cancelled"), (checkpoint.Folder, checkpoint.Step, checkpoint.Attempt, checkpoint.IsAdapter, checkpoint.Origin));
    }

    [Fact]
    public async Task Checkpoint_BeforeItsStep_IsAProgrammersFault()
    {
        var (_, lease, sink) = await ClaimAsync();
        using var held = lease;
        sink.Started(1, 4);

        Assert.Throws<InvalidOperationException>(() => sink.Checkpoint(new CheckpointReport(1, _runs.Paths.InData("f"), false, 1, "s", CheckpointOrigin.Periodic)));
    }

    private async Task<(Guid Run, RunLease Lease, DatabaseRunSink Sink)> ClaimAsync()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());
        var lease = await _runs.Queue().TryClaimBestAsync(CancellationToken.None);
        return (run, lease!, new DatabaseRunSink(lease!, _runs.Paths, TimeProvider.System));
    }

    private static StepReport Report(int step, string text = "text") =>
        new(step, new Dictionary<string, double> { ["m"] = step }, [Group(text, new RolloutGrade(1))], [], 0.5) { Passes = [new(7, 4, 3), new(9, 4, 0)] };

    private static RolloutGroup Group(params RolloutGrade[] grades) => Group("text", grades);

    [Fact]
    public async Task Step_TokensOfSeveralPolicies_KeepsWhichDrewWhich()
    {
        var (run, lease, sink) = await ClaimAsync();
        using var _ = lease;
        var group = Group(new RolloutGrade(1));
        var rollout = group.Rollouts[0] with { Tokens = [1, 2, 3, 4], Versions = [3, 3, 4, 6] };

        sink.Step(new StepReport(1, new Dictionary<string, double>(), [group with { Rollouts = [rollout] }], [], 0));

        await using var db = _runs.Open();
        Assert.Equal(
            """[{"steps": 3, "tokens": 2}, {"steps": 4, "tokens": 1}, {"steps": 6, "tokens": 1}]""",
            (await db.Rollouts.SingleAsync(r => r.RunId == run)).PolicyVersionsJson);
    }

    private static RolloutGroup Group(string text, params RolloutGrade[] grades) => new(
        new Row { Index = 7, Item = JsonDocument.Parse("{}").RootElement },
        "prompt",
        [1],
        [.. grades.Select(grade => new Rollout { Tokens = [1, 2], BehaviorLogProbs = [-1, -1], Text = text, Stop = StopReason.StopText, Grade = grade, Advantage = 0.5f })]);
}
