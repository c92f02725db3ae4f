using System.Text.Json.Nodes;
using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Checkpoints;
using RftService.Engine.Data;
using RftService.Engine.Training;
using RftService.Engine.Training.Replay;

namespace RftService.Engine.Tests.Training;

public sealed class ReplayTests : IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Buffer_FullOrOld_DropsTheOldest()
    {
        var buffer = new ReplayBuffer(capacity: 3, maxAge: 2);
        buffer.Add([Kept(1, 1), Kept(1, 2)]);
        buffer.Add([Kept(2, 3), Kept(2, 4)]);

        Assert.Equal([2.0, 3, 4], buffer.Rows.Select(row => row.Reward));
        buffer.Expire(3);
        Assert.Equal(3, buffer.Rows.Count);
        buffer.Expire(4);
        Assert.Equal([3.0, 4], buffer.Rows.Select(row => row.Reward));
    }

    [Fact]
    public void Buffer_Draw_TakesEachOnceAndFollowsItsSeed()
    {
        var buffer = new ReplayBuffer(100, 100);
        buffer.Add(Enumerable.Range(0, 50).Select(i => Kept(1, i)));

        var drawn = buffer.Draw(10, seed: 5, row => row.Reward >= 20).Select(row => row.Reward).ToArray();

        Assert.Equal(10, drawn.Distinct().Count());
        Assert.All(drawn, reward => Assert.InRange(reward, 20, 49));
        Assert.Equal(drawn, buffer.Draw(10, seed: 5, row => row.Reward >= 20).Select(row => row.Reward));
        Assert.NotEqual(drawn, buffer.Draw(10, seed: 6, row => row.Reward >= 20).Select(row => row.Reward));
        Assert.Equal(30, buffer.Draw(99, seed: 5, row => row.Reward >= 20).Count);
    }

    [Fact]
    public void SelfImitation_Steps_ReplayWhatBeatsTheMedian()
    {
        var replay = IReplay.Of(
            new SelfImitation { Capacity = 10, MaxAge = 5, MinAdvantage = 0.2, RowsPerStep = 4, BaselineGroups = 3 }, seed: 1, ReplayState.Empty)!;
        IReadOnlyList<TrainingRow> first = [Row(0, 1, 0.5f), Row(0, 0, -0.5f), Row(1, 0.6, 0.1f)];
        IReadOnlyList<TrainingRow> second = [Row(0, 0.9, 0.3f), Row(1, 2, 0), Row(2, 2, 0)];

        Assert.Same(first, Assert.Single(replay.Batches(first, 1, 1, new MetricSums())));
        var batches = replay.Batches(second, 2, 2, new MetricSums());
        var third = replay.Batches(second, 3, 1, new MetricSums());

        // Group means 0.5, 0.6, 0.9, 2, 2: of the last three the median is 2, so nothing is replayed in step 2 any more.
        Assert.Equal([second, second], batches);
        Assert.Same(second, Assert.Single(third));

        var low = IReplay.Of(new SelfImitation { Capacity = 10, MaxAge = 5, MinAdvantage = 0.2, RowsPerStep = 4, BaselineGroups = 3 }, 1, new([Kept(1, 1)], [0, 0, 0]))!;
        var replayed = Assert.Single(low.Batches([Row(0, 0, 0)], 3, 1, new MetricSums()))[^1];
        Assert.Equal((RowSource.Replay, 1f, 2), (replayed.Source, replayed.Advantage, replayed.Age));
    }

    [Fact]
    public void Spear_Run_LearnsFromEarlierStepsToo()
    {
        var sink = _run.Run(_run.Spec(TinyRun.Recipe(Spear)) with { EvaluationRows = null });

        Assert.Equal(0, sink.Metric(1, MetricNames.ReplayRows));
        Assert.All(sink.Steps.Skip(1), step =>
        {
            Assert.InRange(step.Metrics[MetricNames.ReplayRows], 1, 5);
            Assert.InRange(step.Metrics[MetricNames.ReplayAge], 1, 3);
            Assert.NotEqual(1, step.Metrics["replay/ratio_mean"]); // another policy wrote them
            Assert.Equal(step.Metrics["loss/policy"] + (step.Metrics["coefficient/replay"] * step.Metrics["loss/replay"]), step.Metrics[MetricNames.PolicyLoss], 1e-5);
            Assert.Equal(1, step.Metrics[MetricNames.RatioMean], 1e-4); // of the rollouts alone
        });
    }

    [Fact]
    public void Remix_Run_ReplaysWholeStepsUntilItReincarnates()
    {
        var options = new RemixOptions { ReplayProbability = 1, ReincarnateAfter = 3, KlBeta = 0.1 };

        var sink = _run.Run(_run.Spec(TinyRun.Recipe(options)) with { EvaluationRows = null });

        Assert.Equal([0, 1, 1, 0], sink.Steps.Select(step => step.Metrics[MetricNames.ReplayShare]));
        Assert.Equal(8, sink.Metric(4, MetricNames.PolicyVersion));
        Assert.True(Math.Abs(sink.Metric(3, MetricNames.PolicyReferenceKl)) > 1e-4);

        // After step 3 the policy is its own reference: before the first update of step 4 there is no divergence from it.
        var once = _run.Spec(TinyRun.Recipe(options) with { UpdatesPerStep = 1 }) with { EvaluationRows = null };
        Assert.Equal(0, _run.Run(once).Metric(4, MetricNames.PolicyReferenceKl), 1e-5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Resume_ReplayingRuns_EndBitIdentical(bool remix)
    {
        AlgorithmOptions options = remix ? new RemixOptions { ReplayProbability = 0.7, ReincarnateAfter = 2 } : Spear;
        var spec = _run.Spec(TinyRun.Recipe(options) with { Steps = 5 });
        var whole = _run.Run(spec);
        var expected = File.ReadAllBytes(Path.Combine(_run.Checkpoint(5), "model.safetensors"));

        foreach (var step in new[] { 2, 3 })
        {
            var resumed = _run.Run(spec with { ResumeFrom = _run.Checkpoint(step) });

            Assert.Equal(whole.Numbers(step + 1), resumed.Numbers(step + 1));
            Assert.Equal(expected, File.ReadAllBytes(Path.Combine(_run.Checkpoint(5), "model.safetensors")));
        }
    }

    [Fact]
    public void SelfImitation_TokensWithAdvantagesOfTheirOwn_KeepTheirDifferences()
    {
        var low = IReplay.Of(
            new SelfImitation { RowsPerStep = 4 }, 1, new([Kept(1, 3) with { Completion = [2, 3, 4], TokenAdvantages = [0.5f, 0, 2.5f], Sampled = [true, false, true] }], [1]))!;

        // Its advantage becomes 3 − 1 = 2, where it was 1: a token that was put in stays without.
        var replayed = Assert.Single(low.Batches([Row(0, 1, 0)], 2, 1, new MetricSums()))[^1];

        Assert.Equal(2, replayed.Advantage);
        Assert.Equal([1.5f, 0, 3.5f], replayed.TokenAdvantages!);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Resume_ReplayOfGradedSteps_EndsBitIdentical(bool whole)
    {
        var options = new CustomOptions
        {
            Advantage = new WhitenedAdvantage(),
            Replay = whole ? new PastBatches { Probability = 1 } : new SelfImitation { RowsPerStep = 5 },
            Terms = whole ? [new() { Loss = new ClipLoss() }] : [new() { Loss = new ClipLoss() }, new() { Name = "replay", Loss = new ClipLoss(), Source = RowSource.Replay }],
        };
        // The first half of the text earns 0.2 of a reward of 0.2 to 0.7.
        var spec = _run.Spec(TinyRun.Recipe(options) with { Steps = 5 }, grader: new LetterGrader(i =>
            new RolloutGrade(0.2 + (i % 6 / 10.0)) { Steps = [new GradedStep(0, 3, 0.2, 1), new GradedStep(3, 5, 0, 0)] }));
        var run = _run.Run(spec);
        var expected = File.ReadAllBytes(Path.Combine(_run.Checkpoint(5), "model.safetensors"));
        var kept = CheckpointStore.Open(_run.Checkpoint(3)).Replay.Rows;

        Assert.NotEmpty(kept);
        Assert.All(kept, row =>
        {
            Assert.Equal(row.Completion.Count, row.TokenAdvantages!.Count);
            Assert.True(row.TokenAdvantages[0] > row.TokenAdvantages[^1]); // only what is still to come counts: the step's reward is behind the last token
        });
        var resumed = _run.Run(spec with { ResumeFrom = _run.Checkpoint(3) });
        Assert.Equal(run.Numbers(4), resumed.Numbers(4));
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(_run.Checkpoint(5), "model.safetensors")));
    }

    [Fact]
    public void Resume_ReplayedCompletionThatDoesNotFit_IsADamagedCheckpoint()
    {
        var spec = _run.Spec(TinyRun.Recipe(Spear) with { Steps = 2 });
        _run.Run(spec);
        var (folder, file) = (_run.Checkpoint(2), Path.Combine(_run.Checkpoint(2), "trainer", "state.json"));
        var state = JsonNode.Parse(File.ReadAllBytes(file))!;
        state["replay"]!["rows"]![0]!["token_advantages"] = new JsonArray(1, 2);
        File.WriteAllText(file, state.ToJsonString());
        Manifest.Of(folder, 2, isAdapter: false).Write(folder);

        var fault = Assert.Throws<TrainingException>(() => _run.Run(spec with { ResumeFrom = folder }));

        Assert.Equal(TrainingFault.CheckpointUnreadable, fault.Fault);
        Assert.Contains("of 8 tokens with 2 advantages", fault.Message, StringComparison.Ordinal);
    }

    private static SpearOptions Spear => new() { ReplayRowsPerStep = 5, RampSteps = 4, DropTruncated = false, Covariance = new() { Above = 0.1, Share = 0.5 } };

    private static ReplayedRow Kept(int step, double reward) => new(step, 0, [1], [2], [-1], reward, 1);

    private static TrainingRow Row(int group, double reward, float advantage) => new(group, [1], [2, 3], [-1, -2], advantage) { Reward = reward };
}
