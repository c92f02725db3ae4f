using System.Text.Json;
using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Data;
using RftService.Engine.Models;
using RftService.Engine.Training;
using RftService.Engine.Training.Optimizers;

namespace RftService.Engine.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Run_Topr_RewardRises() => AssertRewardRises(new ToprOptions(), lora: null, rate: 1e-2);

    [Fact]
    public void Run_GrpoWithAdapters_RewardRises() => AssertRewardRises(new GrpoOptions(), new LoraSpec { Rank = 4 }, rate: 3e-2);

    [Fact]
    public void Run_GrpoWithReference_MeasuresDivergence()
    {
        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new GrpoOptions { Kl = new() { Beta = 0.1 } })));

        Assert.Equal(0, sink.Metric(1, MetricNames.PolicyReferenceKl), 1e-5);
        Assert.NotEqual(0, sink.Metric(4, MetricNames.PolicyReferenceKl), 1e-5);
        Assert.True(sink.Steps[0].Metrics.ContainsKey("loss/kl"));
    }

    [Fact]
    public void Run_Sft_LossFalls()
    {
        var recipe = TinyRun.Recipe(new SftOptions()) with { Steps = 20, CheckpointEvery = 100, PromptsPerStep = 4, Evaluation = new() };
        var spec = _run.Spec(recipe, DataKind.Expert, TinyRun.Experts()) with { EvaluationRows = new Rows(TinyRun.Experts()) };

        var sink = _run.Run(spec);

        Assert.True(sink.Metric(20, "loss/sft") < 0.5 * sink.Metric(1, "loss/sft"), $"{sink.Metric(1, "loss/sft")} -> {sink.Metric(20, "loss/sft")}");
        Assert.Equal(sink.Metric(0, MetricNames.EvaluationLoss), sink.Metric(1, "loss/sft"), 1e-4); // the same four rows, before any update
        Assert.False(sink.Steps[1].Metrics.ContainsKey(MetricNames.RewardMean));
    }

    [Fact]
    public void Run_SampledStep_SamplerAndTrainerAgree()
    {
        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new ToprOptions()) with { Sampling = new() { MaxTokens = 8, Temperature = 0.7 } }));

        Assert.All(sink.Steps, step =>
        {
            Assert.InRange(step.Metrics[MetricNames.SamplerMismatch], 0, 1e-4);
            Assert.Equal(1, step.Metrics[MetricNames.RatioMax], 1e-3);
        });
    }

    [Theory]
    [InlineData("capo")]
    [InlineData("tp-grpo")]
    [InlineData("reinforce-plus-plus")]
    public void Run_GradedSteps_ReachTheLossTokenByToken(string name)
    {
        // All grades are equal: only the steps can teach anything.
        var grader = new LetterGrader(i => new RolloutGrade(1) { Steps = [new(0, 1, i % 2 == 0 ? 0.5 : 0, i % 2)] });
        var options = AlgorithmCatalog.All.Single(entry => entry.Name == name).Defaults;

        var sink = _run.Run(_run.Spec(TinyRun.Recipe(options) with { Steps = 2 }, grader: grader));

        var rollouts = sink.Steps.SelectMany(step => step.Groups).SelectMany(group => group.Rollouts).ToList();
        Assert.All(rollouts, rollout => Assert.Equal((0, 1), (rollout.Steps.Single().First, rollout.Grade!.Value)));
        Assert.All(sink.Steps, step => Assert.True(step.Metrics[MetricNames.GradientNorm] > 0));
        Assert.DoesNotContain(sink.Notices, notice => notice.Code == "no_graded_steps");
    }

    [Fact]
    public void Run_TenSteps_KeepsTheNumberOfLiveTensors()
    {
        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new GrpoOptions { Kl = new() { Beta = 0.1 } }) with { Steps = 10, CheckpointEvery = 100 }));

        Assert.Equal(sink.LiveTensors[2], sink.LiveTensors[9]);
    }

    [Fact]
    public void Run_Evaluation_IsMadeBeforeDuringAndAfterOnTheSameSeeds()
    {
        var recipe = TinyRun.Recipe(new ToprOptions()) with { Evaluation = new() { Every = 2, Samples = 2 } };

        var first = _run.Run(_run.Spec(recipe));
        var second = _run.Run(_run.Spec(recipe with { Optimizer = new AdamWSpec { LearningRate = 1e-9 } }));

        Assert.Equal([0, 2, 4], first.Steps.Where(step => step.EvaluationGroups.Count > 0).Select(step => step.Step));
        Assert.All(first.Steps.Where(step => step.Step % 2 == 0), step => Assert.Equal([2, 2], step.EvaluationGroups.Select(group => group.Rollouts.Count)));
        Assert.Equal(Texts(first.Steps[0]), Texts(second.Steps[0]));
        Assert.Equal(Texts(second.Steps[0]), Texts(second.Steps[^1])); // nothing learned, the same completions
    }

    [Fact]
    public void Run_TokenBudget_EndsTheRunWithACheckpoint()
    {
        var recipe = TinyRun.Recipe(new ToprOptions()) with { Steps = null, Budget = new() { MaxTokens = 200 }, CheckpointEvery = 1000 };

        var sink = _run.Run(_run.Spec(recipe));

        Assert.InRange(sink.Metric(sink.Steps[^1].Step, MetricNames.TokensTrained), 200, 400);
        Assert.Equal(1, sink.Steps[^1].Progress);
        Assert.Equal(sink.Steps[^1].Step, Assert.Single(sink.Checkpoints).Step);
    }

    [Fact]
    public void Run_ErrorsAndAbstentions_AreInNoStatisticAndNoLoss()
    {
        var grader = new LetterGrader(i => (i % 4) switch
        {
            0 => new RolloutGrade(null, "other_error", "broken"),
            1 => new RolloutGrade(null, Reason: "no opinion"),
            2 => new RolloutGrade(1),
            _ => new RolloutGrade(0),
        });

        var step = _run.Run(_run.Spec(TinyRun.Recipe(new GrpoOptions()) with { Steps = 1 }, grader: grader)).Steps.Single();

        Assert.Equal(0.5, step.Metrics[MetricNames.RewardMean], 1e-9);
        Assert.Equal(0.25, step.Metrics[MetricNames.RewardErrorShare], 1e-9);
        Assert.Equal(0.25, step.Metrics[MetricNames.RewardAbstainedShare], 1e-9);
        Assert.All(step.Groups, group => Assert.Equal([false, false, true, true], group.Rollouts.Select(rollout => rollout.Advantage is not null)));
    }

    [Fact]
    public void Run_TooManyErrors_IsATrainingFault()
    {
        var grader = new LetterGrader(i => i % 4 == 0 ? new RolloutGrade(1) : new RolloutGrade(null, "other_error"));

        var fault = Assert.Throws<TrainingException>(() => _run.Run(_run.Spec(TinyRun.Recipe(new GrpoOptions()), grader: grader)));

        Assert.Equal(TrainingFault.GradingFailed, fault.Fault);
        Assert.Contains("9 of 12", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_EqualRewards_GiveOneNoticeAndNoUpdate()
    {
        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new GrpoOptions()), grader: new LetterGrader(_ => new RolloutGrade(1))));

        Assert.Equal("no_learning_signal", Assert.Single(sink.Notices).Code);
        Assert.Equal(0, sink.Metric(4, MetricNames.PolicyVersion));
        Assert.Equal(1, sink.Metric(4, MetricNames.RewardZeroVarianceShare));
    }

    [Fact]
    public void Run_NotFiniteThreeTimes_RestsWithTheBatchAndGoesOn()
    {
        var grader = new LetterGrader(i => new RolloutGrade(i % 2 == 0 ? 1e38 : -1e38));
        var topr = new ToprOptions { RewardScale = RewardScale.AsIs, Reduction = LossReduction.CompletionSum };

        var fault = Assert.Throws<RunPausedException>(() => _run.Run(_run.Spec(TinyRun.Recipe(topr) with { CheckpointEvery = 1000 }, grader: grader))).Cause!;

        Assert.Equal(TrainingFault.NumericalInstability, fault.Fault);
        var kept = Assert.Single(_run.Sink.Checkpoints, one => one.Origin == CheckpointOrigin.Paused);
        Assert.Equal(3, kept.Step);
        var batch = JsonDocument.Parse(File.ReadAllText(Path.Combine(Path.GetDirectoryName(_run.Checkpoint(3))!, "non-finite-00000003.json"))).RootElement;
        Assert.Equal(12, batch.GetProperty("rows").GetArrayLength());
        Assert.Contains("non-finite-00000003.json", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["update_skipped", "update_skipped"], _run.Sink.Notices.Select(notice => notice.Code));

        var resumed = _run.Run(_run.Spec(TinyRun.Recipe(topr) with { CheckpointEvery = 1000 }, grader: new LetterGrader(i => new RolloutGrade(i % 2))) with { ResumeFrom = kept.Folder });
        Assert.Equal([4], resumed.Steps.Select(step => step.Step));
        Assert.Equal(1, resumed.Metric(4, MetricNames.PolicyVersion)); // the three changed no weight
    }

    public static TheoryData<string> SampledRules => [.. AlgorithmCatalog.All.Where(entry => entry.Accepts.Contains(DataKind.Prompts)).Select(entry => entry.Name)];

    [Theory]
    [MemberData(nameof(SampledRules))]
    public void Run_EveryRule_LearnsAndReportsNumbers(string name)
    {
        var options = name switch
        {
            "spear" => new SpearOptions { DropTruncated = false },
            "raft" => new RaftOptions { MinReward = 0.1 },
            "scale-rl" => new ScaleRlOptions { DropTruncated = false }, // the random model never ends its text
            _ => AlgorithmCatalog.All.Single(entry => entry.Name == name).Defaults,
        };

        var sink = _run.Run(_run.Spec(TinyRun.Recipe(options) with { Steps = 2, CheckpointEvery = 10 }));

        Assert.Equal(2 * AlgorithmCatalog.Create(options).UpdatesPerStep, sink.Metric(2, MetricNames.PolicyVersion));
        Assert.True(sink.Metric(2, MetricNames.GradientNorm) > 0);
        Assert.All(sink.Steps, step => Assert.InRange(step.Metrics[MetricNames.CompletionsUsedShare], 0.01, 1));
        Assert.DoesNotContain(sink.Notices, notice => notice.Code != "no_graded_steps"); // these graders grade no steps
    }

    [Fact]
    public void Run_KlInTheReward_ReadsTheReference()
    {
        var kl = new KlOptions { Beta = 1, Estimator = KlEstimator.K1, Place = KlPlace.Reward };
        double[] Magnitudes(KlOptions? options) => [.. _run.Run(_run.Spec(TinyRun.Recipe(new ReinforceOptions { Kl = options })))
            .Steps.Select(step => step.Metrics[MetricNames.AdvantageMagnitude])];

        var (with, without) = (Magnitudes(kl), Magnitudes(null));

        Assert.Equal(without[0], with[0], 1e-5); // at first the policy is the reference
        Assert.True(Math.Abs(without[1] - with[1]) > 1e-3, $"{without[1]} and {with[1]}");
    }

    [Fact]
    public void Run_DynamicSampling_ReplacesPromptsWithoutVarianceAndStopsAtItsBound()
    {
        // Of the first three prompts only the first has two different grades.
        var refilled = new LetterGrader(i => new RolloutGrade(i == 0 ? 1 : 0));
        var dapo = new DapoOptions { RefillRounds = 2 };

        var step = _run.Run(_run.Spec(TinyRun.Recipe(dapo) with { Steps = 1 }, grader: refilled)).Steps.Single();

        // 3 prompts, then 2 for the missing two, then 1: each round's first completion is graded 1.
        Assert.Equal(3, step.Metrics[MetricNames.SamplingRounds]);
        Assert.Equal(6, step.Groups.Count);
        Assert.Equal(0.5, step.Metrics[MetricNames.GroupsUsedShare], 1e-9);

        var hopeless = _run.Run(_run.Spec(TinyRun.Recipe(dapo) with { Steps = 1 }, grader: new LetterGrader(_ => new RolloutGrade(0)))).Steps.Single();
        Assert.Equal(3, hopeless.Metrics[MetricNames.SamplingRounds]);
        Assert.Equal(9, hopeless.Groups.Count);
    }

    [Fact]
    public void Run_ToprOnGradesAsTheyAre_WarnsOnce()
    {
        var topr = new ToprOptions { RewardScale = RewardScale.AsIs };

        var sink = _run.Run(_run.Spec(TinyRun.Recipe(topr) with { CheckpointEvery = 1000 }, grader: new LetterGrader(i => new RolloutGrade(i % 2))));

        Assert.Equal("no_negatives", Assert.Single(sink.Notices).Code);
    }

    [Fact]
    public void Run_Cancelled_Stops()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Assert.ThrowsAny<OperationCanceledException>(() => _run.Run(_run.Spec(TinyRun.Recipe(new ToprOptions())), stop.Token));
    }

    [Fact]
    public void Run_PromptLongerThanTheContext_NamesTheRow()
    {
        var rows = TinyRun.Prompts("a", new string('b', 100));

        var fault = Assert.Throws<TrainingException>(() => _run.Run(_run.Spec(TinyRun.Recipe(new ToprOptions()), rows: rows)));

        Assert.Equal(TrainingFault.RowUnusable, fault.Fault);
        Assert.Contains("Row 1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_FolderWithoutAModel_IsATrainingFault()
    {
        var fault = Assert.Throws<TrainingException>(() =>
            _run.Run(_run.Spec(TinyRun.Recipe(new ToprOptions())) with { ModelFolder = Path.GetTempPath() }));

        Assert.Equal(TrainingFault.ModelUnreadable, fault.Fault);
    }

    private static string[] Texts(StepReport step) =>
        [.. step.EvaluationGroups.SelectMany(group => group.Rollouts.Select(rollout => rollout.Text))];

    private void AssertRewardRises(AlgorithmOptions algorithm, LoraSpec? lora, double rate)
    {
        var recipe = TinyRun.Recipe(algorithm) with
        {
            Steps = 25,
            PromptsPerStep = 4,
            GroupSize = 8,
            CheckpointEvery = 100,
            Lora = lora,
            Optimizer = new AdamWSpec { LearningRate = rate },
        };

        var sink = _run.Run(_run.Spec(recipe));

        double Mean(int from, int to) => Enumerable.Range(from, to - from + 1).Average(step => sink.Metric(step, MetricNames.RewardMean));
        Assert.True(Mean(21, 25) > Mean(1, 5) + 0.2, $"{Mean(1, 5)} -> {Mean(21, 25)}");
    }
}
