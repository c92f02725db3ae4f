using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Data;
using RftService.Engine.Training;
using RftService.Engine.Training.Optimizers;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

public sealed class ChordRunTests : IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Run_PromptsAndExperts_LearnsFromBothAndReportsThem()
    {
        var options = new ChordOptions { ExpertRowsPerStep = 6, Mu = new WarmupCosineSchedule { WarmupSteps = 1, DecaySteps = 2, Valley = 0.4 } };

        var sink = _run.Run(Spec(options) with { EvaluationRows = null });

        Assert.Equal([0, 0.9, 0.65, 0.4], sink.Steps.Select(step => Math.Round(step.Metrics["chord/mu"], 12)));
        Assert.False(sink.Steps[0].Metrics.ContainsKey("loss/sft")); // µ = 0: no expert row is taken
        Assert.Equal([0, 1.5, 3, 4.5], sink.Steps.Select(step => step.Metrics[MetricNames.ExpertEpochs]));
        Assert.All(sink.Steps.Skip(1), step =>
        {
            Assert.InRange(step.Metrics["chord/phi_mean"], 1e-9, 0.25);
            Assert.InRange(step.Metrics["expert/probability_mean"], 1e-9, 1);
            Assert.InRange(step.Metrics[MetricNames.ExpertTokensMean], 4, 6);
            Assert.Equal(
                ((1 - step.Metrics["chord/mu"]) * step.Metrics["loss/policy"]) + (step.Metrics["chord/mu"] * step.Metrics["loss/sft"]),
                step.Metrics[MetricNames.PolicyLoss],
                1e-5);
            Assert.Equal(1, step.Metrics[MetricNames.RatioMean], 1e-4); // of the rollouts alone: experts have no ratio
            Assert.Equal([4, 4, 4], step.Groups.Select(group => group.Rollouts.Count));
        });
    }

    [Fact]
    public void Run_NoAdvantages_StillLearnsFromTheExperts()
    {
        // Without noise from the rollouts: every reward is equal.
        var recipe = Spec(new ChordOptions { Mu = new ConstantSchedule { Value = 0.5 }, TokenWeight = ChordTokenWeight.One, ExpertRowsPerStep = 4 });

        var sink = _run.Run(recipe with { Grader = new LetterGrader(_ => new RolloutGrade(1)) });

        Assert.Equal(0, sink.Metric(1, "loss/policy"), 1e-6);
        Assert.True(sink.Metric(4, "loss/sft") < sink.Metric(1, "loss/sft"));
        Assert.True(sink.Metric(4, "expert/probability_mean") > sink.Metric(1, "expert/probability_mean"));
        Assert.Empty(sink.Notices);
    }

    [Fact]
    public void Run_RewardGap_FollowsTheMeanGradeOfTheStep()
    {
        var spec = Spec(new ChordOptions { Mu = new RewardGapSchedule { Target = 0.9 }, ExpertRowsPerStep = 2 });

        var sink = _run.Run(spec);

        Assert.All(sink.Steps.Where(step => step.Step > 0), step =>
            Assert.Equal(Math.Max(0, 0.9 - step.Metrics[MetricNames.RewardMean]), step.Metrics["chord/mu"], 1e-9));
    }

    [Fact]
    public void Run_Temperature_LeavesTheExpertsLikelihoodThatOfTheModel()
    {
        var spec = Spec(new ChordOptions { ExpertRowsPerStep = 4, TokenWeight = ChordTokenWeight.One }) with { EvaluationRows = null };
        var hot = spec with { Recipe = spec.Recipe with { Sampling = spec.Recipe.Sampling with { Temperature = 3 } } };

        Assert.Equal(_run.Run(spec).Metric(1, "loss/sft"), _run.Run(hot).Metric(1, "loss/sft"), 1e-6);
    }

    [Fact]
    public void Run_WithoutExpertRows_IsRefused() =>
        Assert.Throws<InvalidOperationException>(() => _run.Run(Spec(new ChordOptions()) with { ExpertRows = null }));

    [Theory]
    [InlineData(ChordTokenWeight.One)]
    [InlineData(ChordTokenWeight.Phi)]
    [InlineData(ChordTokenWeight.Focal)]
    [InlineData(ChordTokenWeight.Entropy)]
    public void Step_AnyMicroBatchSize_GivesTheSameGradient(ChordTokenWeight weight)
    {
        var whole = GradientOf(weight, tokenBudget: 1000);

        Assert.NotEqual(whole, GradientOf(ChordTokenWeight.Is, tokenBudget: 1000));
        foreach (var budget in new[] { 14, 1 })
        {
            var other = GradientOf(weight, budget);
            Assert.All(Enumerable.Range(0, whole.Length), i => Assert.Equal(whole[i], other[i], 1e-5f));
        }
    }

    private RunSpec Spec(ChordOptions options) => _run.Spec(TinyRun.Recipe(options));

    private static float[] GradientOf(ChordTokenWeight weight, int tokenBudget)
    {
        TrainingRow[] rows =
        [
            Row(0, [1], [2, 3, 4], 1), Row(0, [1], [5], -1), Row(1, [3, 4, 5], [12, 1, 1, 2], 0.5f),
            Row(0, [2, 2], [7, 8], 0) with { Source = RowSource.Experts, BehaviorLogProbs = null }, Row(1, [9], [1, 2, 3, 4, 5], 0) with { Source = RowSource.Experts, BehaviorLogProbs = null },
        ];
        using var scope = torch.NewDisposeScope();
        using var model = new TinyLm();
        using var optimizer = new AdamW(model.Trainable, new AdamWSpec());
        var options = new ChordOptions { TokenWeight = weight, EntropyShare = 0.4, Mu = new ConstantSchedule { Value = 0.5 } };
        var recipe = new Recipe { Algorithm = options, Steps = 1, Optimizer = new AdamWSpec { MaxGradientNorm = 1e6 } };
        var step = new TrainingStep(model, new Chord(options), optimizer, new ReferencePolicy(model, () => model, 1.0), recipe, 1.0, torch.CPU) { TokenBudget = tokenBudget };
        step.Run(rows, 0, double.NaN, 1e-3, new MetricSums(), CancellationToken.None);
        return [.. model.Parameters.SelectMany(parameter => parameter.Value.grad!.cpu().data<float>().ToArray())];
    }

    private static TrainingRow Row(int group, int[] prompt, int[] completion, float advantage) =>
        new(group, prompt, completion, [.. completion.Select(token => -1.5f - (0.1f * token))], advantage);
}
