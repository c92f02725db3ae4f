using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using RftService.Data.Runs;
using RftService.Engine;
using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Weights;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Grading;
using RftService.Worker.Hosting;
using RftService.Worker.Training;

namespace RftService.Worker.Tests.Training;

public sealed class TrainRunJobTests : IAsyncLifetime
{
    private readonly TestRuns _runs = new();
    private readonly ApplicationLifetime _host = new(NullLogger<ApplicationLifetime>.Instance);

    public Task InitializeAsync() => _runs.InitializeAsync();

    public Task DisposeAsync() => _runs.DisposeAsync();

    [Fact]
    public async Task Job_RunThatTrains_SucceedsWithEverythingResolved()
    {
        var project = await _runs.AddProjectAsync("{\"prompt\": \"first\"}\n{\"prompt\": \"zwölf\"}\n{\"prompt\": \"third\"}");
        var run = await _runs.AddRunAsync(project);
        RunSpec? seen = null;
        RolloutGrade? grade = null;
        string? thread = null;

        await ExecuteAsync((spec, sink, _, stop) =>
        {
            (seen, thread) = (spec, Thread.CurrentThread.Name);
            Assert.Equal("zwölf", spec.Rows[1].Prompt);
            grade = spec.Grader!.Grade([new RolloutGroup(spec.Rows[0], "", [1], [Completion("and once more")])], 0, stop.Abort)[0];
            sink.Started(1, 4);
            sink.Step(new StepReport(1, new Dictionary<string, double>(), [], [], 0.25));
        });

        Assert.Equal((3, DataKind.Prompts, _runs.Paths.InModels("tiny"), (string?)null), (seen!.Rows.Count, seen.Kind, seen.ModelFolder, seen.ResumeFrom));
        Assert.Equal((4, 4), (seen.Recipe.Steps, seen.Recipe.GroupSize));
        Assert.Equal(1.0, grade!.Value);
        Assert.Equal("training", thread);
        var row = await _runs.GetAsync(run);
        Assert.Equal((RunStatus.Succeeded, 1.0, null), (row.Status, row.Progress, row.Failure));
        Assert.Equal(["run_claimed", "training_started", "run_succeeded"], await _runs.EventsAsync(run));
    }

    [Fact]
    public async Task Job_CompositionFromTheDatabase_IsReadAsItWasStored()
    {
        // jsonb sorts members by length: the discriminators of nested unions need not be the first.
        await _runs.AddRunAsync(await _runs.AddProjectAsync(), recipe: """
            {"steps": 1, "algorithm": {"terms": [{"loss": {"low": 0.1, "type": "clip"}, "weight": {"upper": 2, "level": "seq_geo", "type": "ratio"}}], "type": "custom"}}
            """);
        RunSpec? seen = null;

        await ExecuteAsync((spec, _, _, _) => seen = spec);

        var custom = Assert.IsType<CustomOptions>(seen!.Recipe.Algorithm);
        Assert.Equal((new ClipLoss { Low = 0.1 }, new RatioWeight { Level = RatioLevel.SeqGeo, Upper = 2 }), (custom.Terms[0].Loss, custom.Terms[0].Weight));
    }

    [Fact]
    public async Task Job_ExpertDataset_IsOpenedBesideThePrompts()
    {
        var run = await _runs.AddRunAsync(
            await _runs.AddProjectAsync("{\"prompt\": \"p\", \"completion\": \"expert\"}"), recipe: """{"steps": 1, "algorithm": {"type": "chord"}}""");
        await _runs.ExecuteAsync("update runs set expert_dataset_id = dataset_id where id = @run", run);
        string? completion = null;

        await ExecuteAsync((spec, _, _, _) => completion = spec.ExpertRows![0].Completion);

        Assert.Equal("expert", completion);
    }

    [Fact]
    public async Task Job_PairsInTheDataset_ReachTheEngine()
    {
        await _runs.AddRunAsync(await _runs.AddProjectAsync("""
            {"prompt": "a", "chosen": "b", "rejected": "c", "weight": 0.25}
            {"prompt": "a", "chosen": "b", "rejected": "c"}
            """));
        var pairs = new List<(string?, string?, double?)>();

        await ExecuteAsync((spec, _, _, _) => pairs.AddRange(Enumerable.Range(0, spec.Rows.Count)
            .Select(i => (spec.Rows[i].Chosen, spec.Rows[i].Rejected, spec.Rows[i].Weight))));

        Assert.Equal([("b", "c", 0.25), ("b", "c", null)], pairs);
    }

    [Fact]
    public async Task Job_NothingQueued_ReturnsAtOnce() => await ExecuteAsync((_, _, _, _) => Assert.Fail("nothing to train"));

    [Fact]
    public async Task Job_CancelRequestedWhileRunning_EndsCancelled()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());

        await ExecuteAsync((_, _, _, stop) =>
        {
            _runs.ExecuteAsync("update runs set cancel_requested = true where id = @run", run).GetAwaiter().GetResult();
            WaitFor(stop.Cancel);
        });

        Assert.Equal(RunStatus.Cancelled, (await _runs.GetAsync(run)).Status);
    }

    [Fact]
    public async Task Job_PauseRequestedWhileRunning_RestsAndGoesOnWhenResumed()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());

        await ExecuteAsync((_, _, _, stop) =>
        {
            _runs.ExecuteAsync("update runs set pause_requested = true where id = @run", run).GetAwaiter().GetResult();
            Assert.True(stop.Pause.WaitHandle.WaitOne(TimeSpan.FromSeconds(10)));
            throw new RunPausedException(null);
        });

        var rests = await _runs.GetAsync(run);
        Assert.Equal((RunStatus.Paused, null, null, false), (rests.Status, rests.Failure, rests.Worker, rests.PauseRequested));
        await ExecuteAsync((_, _, _, _) => Assert.Fail("it rests"));
        await _runs.ExecuteAsync("update runs set status = 'Queued' where id = @run", run);
        await ExecuteAsync((_, _, _, _) => { });
        Assert.Equal(RunStatus.Succeeded, (await _runs.GetAsync(run)).Status);
    }

    [Fact]
    public async Task Job_ValuesNotFinite_RestsAndSaysWhy()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());

        await ExecuteAsync((_, _, _, _) => throw new RunPausedException(new TrainingException(TrainingFault.NumericalInstability, "not finite", "look")));

        var rests = await _runs.GetAsync(run);
        Assert.Equal((RunStatus.Paused, "numerical_instability"), (rests.Status, rests.Failure!.Code));
        Assert.Equal(1, await _runs.CountAsync("select count(*) from run_events where run_id = @run and code = 'numerical_instability' and level = 'warn'", run));
    }

    [Fact]
    public async Task Job_FaultTheClientCanActOn_IsToldInFull()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());

        await ExecuteAsync((_, _, _, _) => throw new TrainingException(TrainingFault.GradingFailed, "too many", "look at them"));

        Assert.Equal(new RunFailure("grading_failed", "grading", "too many", "look at them"), (await _runs.GetAsync(run)).Failure);
    }

    [Fact]
    public async Task Job_FaultOfTheService_LeaksNothing()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());

        await ExecuteAsync((_, _, _, _) => throw new InvalidOperationException("/secret/path Password=hunter2"));

        var row = await _runs.GetAsync(run);
        Assert.Equal((RunStatus.Failed, "internal_error"), (row.Status, row.Failure!.Code));
        Assert.DoesNotContain("secret", $"{row.Failure}", StringComparison.Ordinal);
        Assert.Equal(0, await _runs.CountAsync("select count(*) from run_events where run_id = @run and message like '%secret%'", run));
    }

    [Fact]
    public async Task Job_DatasetFileGone_SaysSo()
    {
        var project = await _runs.AddProjectAsync();
        var run = await _runs.AddRunAsync(project);
        Directory.Delete(Path.Combine(_runs.Paths.DataFolder, "datasets"), recursive: true);

        await ExecuteAsync((_, _, _, _) => Assert.Fail("must not train"));

        Assert.Equal(("dataset_unreadable", "loading"), await FailureOfAsync(run));
    }

    [Fact]
    public async Task Job_RecipeOfAnotherVersion_SaysSo()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync(), recipe: """{"steps": 1, "algorithm": {"type": "grpo"}, "invented": 1}""");

        await ExecuteAsync((_, _, _, _) => Assert.Fail("must not train"));

        Assert.Equal(("recipe_unreadable", "loading"), await FailureOfAsync(run));
    }

    [Fact]
    public async Task Job_LeaseLost_WritesNothing()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());

        await ExecuteAsync((_, _, _, stop) =>
        {
            _runs.ExecuteAsync("update runs set attempt = attempt + 1, worker = 'w2' where id = @run", run).GetAwaiter().GetResult();
            WaitFor(stop.Abort);
        });

        var row = await _runs.GetAsync(run);
        Assert.Equal((RunStatus.Running, "w2"), (row.Status, row.Worker));
        Assert.Equal(["run_claimed"], await _runs.EventsAsync(run));
    }

    [Fact]
    public async Task Job_HostStops_GivesTheRunBackAtOnceAndKeepsTheToken()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());
        using var hangfire = new CancellationTokenSource();

        var job = Job((_, _, _, stop) =>
        {
            _host.StopApplication();
            WaitFor(stop.Abort);
        }).ExecuteNextAsync(hangfire.Token);
        while (!(await _runs.EventsAsync(run)).Contains("run_requeued"))
        {
            await Task.Delay(20);
        }

        Assert.False(job.IsCompleted); // ended now, Hangfire would count it as done and drop the token
        await hangfire.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job);
        var row = await _runs.GetAsync(run);
        Assert.Equal((RunStatus.Queued, 1, null, null), (row.Status, row.Attempt, row.Worker, row.LeaseUntil));
    }

    [Fact]
    public async Task Job_NewestCheckpointDamaged_GoesOnFromTheOneBefore()
    {
        var run = await _runs.AddRunAsync(await _runs.AddProjectAsync());
        foreach (var step in new[] { 2, 4 })
        {
            await _runs.ExecuteAsync(
                $"""
                insert into checkpoints (id, project_id, run_id, step, attempt, folder, is_adapter, origin, bytes, sha256, created_at)
                select gen_random_uuid(), project_id, @run, {step}, 1, 'runs/r/{step}', false, 'periodic', 1, 's', now() from runs where id = @run;
                insert into step_metrics select @run, s, 1, now(), jsonb_build_object() from generate_series({step - 1}, {step}) s
                """,
                run);
        }

        var tried = new List<string?>();
        await ExecuteAsync((spec, _, _, _) =>
        {
            tried.Add(spec.ResumeFrom);
            if (tried.Count == 1)
            {
                throw new TrainingException(TrainingFault.CheckpointUnreadable, "torn", "use another");
            }
        });

        Assert.Equal([_runs.Paths.InData("runs/r/4"), _runs.Paths.InData("runs/r/2")], tried);
        Assert.Equal(["run_claimed", "checkpoint_damaged", "run_succeeded"], await _runs.EventsAsync(run));
        Assert.Equal(2, await _runs.CountAsync("select count(*) from step_metrics where run_id = @run", run));
        Assert.Equal(1, await _runs.CountAsync("select count(*) from checkpoints where run_id = @run", run));
        Assert.Equal(2, (await _runs.GetAsync(run)).Step);
    }

    private Task ExecuteAsync(TrainRun train) => Job(train).ExecuteNextAsync(CancellationToken.None);

    private TrainRunJob Job(TrainRun train) => new(
        _runs.Queue(leaseSeconds: 2),
        new RunInputs(_runs.Contexts(), _runs.Paths, Options.Create(new WorkerOptions()), new GraderHost(), NullLogger<RewardGrader>.Instance),
        new ResumePoint(_runs.Source, _runs.Paths),
        _runs.Paths,
        train,
        TimeProvider.System,
        _host,
        NullLogger<TrainRunJob>.Instance);

    private async Task<(string, string)> FailureOfAsync(Guid run) => (await _runs.GetAsync(run)).Failure is { } failure ? (failure.Code, failure.Stage) : ("", "");

    private static void WaitFor(CancellationToken cancellation)
    {
        Assert.True(cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(10)));
        cancellation.ThrowIfCancellationRequested();
    }

    private static Rollout Completion(string text) => new() { Tokens = [1], BehaviorLogProbs = [-1], Text = text, Stop = StopReason.Length };
}
