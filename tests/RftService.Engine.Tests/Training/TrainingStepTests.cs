using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Algorithms.Weights;
using RftService.Engine.Training;
using RftService.Engine.Training.Optimizers;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

public sealed class TrainingStepTests
{
    // Prompts of 1 to 3 tokens, completions of 1 to 5, in two groups.
    private static readonly TrainingRow[] Rows =
    [
        Row(0, [1], [2, 3, 4], 1), Row(0, [1], [5], -1), Row(0, [1], [6, 7, 8, 9, 10], -1),
        Row(1, [3, 4, 5], [2, 11], 1), Row(1, [3, 4, 5], [12, 1, 1, 2], 0.5f),
    ];

    public static TheoryData<AlgorithmOptions> Rules => [.. AlgorithmCatalog.All.Select(entry => entry.Defaults), .. Variants];

    private static IEnumerable<AlgorithmOptions> Variants =>
    [
        new ToprOptions { RatioLevel = RatioLevel.Token, Reduction = LossReduction.PromptMean },
        new GrpoOptions { Reduction = LossReduction.TokenMean, DualClip = 3 },
        new GrpoOptions { Reduction = LossReduction.FixedLength, Kl = new() { Beta = 0.1 } },
        new GrpoOptions { Kl = new() { Beta = 0.1, Estimator = KlEstimator.K2, Anchor = KlAnchor.Behavior } },
        new PpoOptions { RatioLevel = RatioLevel.SeqSum },
        new RecOptions { Clip = RecClip.Ring, Weight = RecWeight.CompletionRatio },
        new OpmdOptions { Form = OpmdForm.Pairwise },
        new DpoOptions { LabelSmoothing = 0.1, LengthNormalized = true, SftWeight = 0.5 },
        new CplOptions { Discount = 0.9, Bias = 0.3 },
        new OpmdOptions { Form = OpmdForm.Token },
        new P3oOptions { Clip = P3oClip.Separate, Kl = new() { Beta = 0.1 } },
        new CustomOptions
        {
            Terms =
            [
                new() { Loss = new AdaptiveClipLoss { Target = 5 } },
                new() { Name = "pairs", Loss = new CopgLoss(), Reduction = LossReduction.PromptSum },
                new() { Name = "likely", Loss = new ShapedProbabilityLoss(), Weight = new UncertaintyWeight(), Coefficient = new LinearSchedule() },
            ],
        },
    ];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Run_AnyMicroBatchSize_GivesTheSameGradientAndMetrics(AlgorithmOptions options)
    {
        var whole = GradientOf(options, Rows, tokenBudget: 1000);
        var pairs = GradientOf(options, Rows, tokenBudget: 14);
        var single = GradientOf(options, Rows, tokenBudget: 1);

        Assert.Equal(1, whole.Metrics[MetricNames.MicroBatches]);
        Assert.InRange(pairs.Metrics[MetricNames.MicroBatches], 2, 4);
        Assert.Equal(Rows.Length, single.Metrics[MetricNames.MicroBatches]);
        foreach (var other in new[] { pairs, single })
        {
            Assert.All(Enumerable.Range(0, whole.Gradient.Length), i => Assert.Equal(whole.Gradient[i], other.Gradient[i], 1e-5f));
            Assert.All(
                whole.Metrics.Where(metric => metric.Key != MetricNames.MicroBatches),
                metric => Assert.Equal(metric.Value, other.Metrics[metric.Key], 1e-4));
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Run_ZeroAdvantages_GivesZeroGradient(AlgorithmOptions options)
    {
        if (options is GrpoOptions { Kl: not null } or OpmdOptions or MdpoOptions or OorlOptions or CustomOptions
            || !AlgorithmCatalog.Create(options).NeedsAdvantages)
        {
            return; // they learn from more than advantages
        }

        var result = GradientOf(options, [.. Rows.Select(row => row with { Advantage = 0, Reward = 0 })], tokenBudget: 1000);

        Assert.All(result.Gradient, value => Assert.Equal(0f, value));
    }

    [Fact]
    public void Run_SeveralUpdates_AreOneAfterTheOtherOnTheSameRows()
    {
        using var scope = torch.NewDisposeScope();
        using var together = new TinyLm();
        using var apart = new TinyLm();
        using var optimizer = new AdamW(together.Trainable, new AdamWSpec());
        using var other = new AdamW(apart.Trainable, new AdamWSpec());
        var metrics = new MetricSums();

        Assert.Equal(3, Step(together, new GrpoOptions(), optimizer, 14, updates: 3).Run(Rows, 0, double.NaN, 1e-2, metrics, CancellationToken.None));
        for (var update = 0; update < 3; update++)
        {
            Step(apart, new GrpoOptions(), other, 1000).Run(Rows, 0, double.NaN, 1e-2, new MetricSums(), CancellationToken.None);
        }

        Assert.All(together.Parameters.Zip(apart.Parameters), pair => Assert.True(pair.First.Value.allclose(pair.Second.Value, atol: 1e-6)));
    }

    [Fact]
    public void Run_MirrorDescent_IsHeldNearThePolicyBeforeTheStep()
    {
        // The rows were written by another policy, so that the behavior policy is not the anchor.
        var first = new MetricSums();
        var (free, held) = (Distance(new MdpoOptions { KlScale = 0 }, 8), Distance(new MdpoOptions { KlScale = 50 }, 8));

        using var scope = torch.NewDisposeScope();
        using var model = new TinyLm();
        using var optimizer = new AdamW(model.Trainable, new AdamWSpec());
        Step(model, new MdpoOptions(), optimizer, 1000).Run(Rows, 0, double.NaN, 1e-2, first, CancellationToken.None);
        Assert.Equal(0, first[MetricNames.LossPrefix + "kl"], 1e-9); // before the first update there is nothing to diverge from
        Assert.True(held < 0.5 * free, $"{held} of {free}");

        double Distance(MdpoOptions options, int updates)
        {
            using var own = torch.NewDisposeScope();
            using var policy = new TinyLm();
            using var adam = new AdamW(policy.Trainable, new AdamWSpec());
            var before = LogProbs(policy);
            Step(policy, options, adam, 14, updates).Run(Rows, 0, double.NaN, 3e-2, new MetricSums(), CancellationToken.None);
            return LogProbs(policy).Zip(before, (now, then) => (now - then) * (now - then)).Average();
        }

        static float[] LogProbs(TinyLm policy)
        {
            var batch = MicroBatch.Of(Rows, torch.CPU);
            return [.. (new PolicyForward(policy, 1).LogProbs(batch) * batch.Mask).data<float>()];
        }
    }

    [Fact]
    public void Run_TokenAdvantages_WeighEachTokenByItsOwn()
    {
        // The second row's advantage is zero but for its last token: the others pull at nothing.
        TrainingRow[] rows = [Rows[0], Rows[2] with { Advantage = 0.2f, TokenAdvantages = [0, 0, 0, 0, 1] }];

        var whole = GradientOf(new ReinforceOptions(), rows, tokenBudget: 1000).Gradient;
        var single = GradientOf(new ReinforceOptions(), rows, tokenBudget: 1).Gradient;
        var uniform = GradientOf(new ReinforceOptions(), [rows[0], Rows[2] with { Advantage = 0.2f }], tokenBudget: 1000).Gradient;

        Assert.All(Enumerable.Range(0, whole.Length), i => Assert.Equal(whole[i], single[i], 1e-5f));
        Assert.NotEqual(uniform, whole);
    }

    [Fact]
    public void Run_TokensPutIn_CountForNothing()
    {
        // Two of three tokens are learned from: (a + c) / 2, which is the mean over three with weights 3/2, 0, 3/2.
        TrainingRow row = Rows[0] with { Sampled = [true, false, true] };

        var actual = GradientOf(new ReinforceOptions { Reduction = LossReduction.TokenMean }, [row], tokenBudget: 1000).Gradient;
        var expected = GradientOf(
            new ReinforceOptions { Reduction = LossReduction.TokenMean }, [Rows[0] with { TokenAdvantages = [1.5f, 0, 1.5f] }], tokenBudget: 1000).Gradient;

        Assert.All(Enumerable.Range(0, expected.Length), i => Assert.Equal(expected[i], actual[i], 1e-5f));
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Run_TokensPutIn_MicroBatchesStillAddUp(AlgorithmOptions options)
    {
        TrainingRow[] rows = [.. Rows.Select(row => row.Completion.Count < 3 ? row : row with { Sampled = [.. row.Completion.Select((_, t) => t != 1)] })];

        var whole = GradientOf(options, rows, tokenBudget: 1000);
        var single = GradientOf(options, rows, tokenBudget: 1);
        var other = GradientOf(options, [.. rows.Select(row => row with
        {
            BehaviorLogProbs = [.. row.BehaviorLogProbs!.Select((value, t) => row.Sampled?[t] == false ? -9f : value)],
        })], tokenBudget: 1000);

        Assert.All(Enumerable.Range(0, whole.Gradient.Length), i => Assert.Equal(whole.Gradient[i], single.Gradient[i], 1e-5f));
        Assert.Equal(whole.Gradient, other.Gradient);
    }

    [Fact]
    public void Run_OneSidedRecWithRatio_HasPpoClipsGradient()
    {
        var ppo = GradientOf(new PpoOptions { DualClip = null }, Rows, tokenBudget: 1000).Gradient;
        var rec = GradientOf(new RecOptions { Weight = RecWeight.Ratio }, Rows, tokenBudget: 1000).Gradient;

        Assert.All(Enumerable.Range(0, ppo.Length), i => Assert.Equal(ppo[i], rec[i], 1e-5f));
    }

    [Fact]
    public void Run_LossOverTokens_EqualsWholeAutograd()
    {
        using var scope = torch.NewDisposeScope();
        using var model = new TinyLm();
        var batch = MicroBatch.Of(Rows, torch.CPU);
        var logProbs = model.Hidden(batch.Tokens).matmul(model.HeadWeight.t()).log_softmax(2).flatten(0, 1).index_select(0, batch.Sources)
            .gather(1, batch.Targets.unsqueeze(1));
        (-logProbs.mean()).backward();
        var expected = Flat(model);

        var actual = GradientOf(new SftOptions(), [.. Rows.Select(row => row with { Advantage = 1 })], tokenBudget: 1000).Gradient;

        Assert.All(Enumerable.Range(0, expected.Length), i => Assert.Equal(expected[i], actual[i], 1e-5f));
    }

    [Fact]
    public void Run_MemoryRunsOut_HalvesTheMicroBatchAndGivesTheSameGradient()
    {
        var expected = GradientOf(new ToprOptions(), Rows, tokenBudget: 1000).Gradient;

        var step = GradientOf(new ToprOptions(), Rows, tokenBudget: 1000, maxPositions: 12);

        Assert.Equal(15, step.TokenBudget); // half of 5 rows of 6, which packs into 2 rows of 6
        Assert.All(Enumerable.Range(0, expected.Length), i => Assert.Equal(expected[i], step.Gradient[i], 1e-5f));
    }

    [Fact]
    public void Run_MemoryRunsOutOnASingleCompletion_IsATrainingFault()
    {
        var fault = Assert.Throws<TrainingException>(() => GradientOf(new ToprOptions(), Rows, tokenBudget: 1000, maxPositions: 2));

        Assert.Equal(TrainingFault.OutOfMemory, fault.Fault);
    }

    [Fact]
    public void Run_NotFiniteLoss_ChangesNoWeight()
    {
        using var scope = torch.NewDisposeScope();
        using var model = new TinyLm();
        var before = model.Parameters.Select(parameter => parameter.Value.detach().clone()).ToArray();

        var updated = Run(model, new ToprOptions(), [Rows[0] with { Advantage = float.PositiveInfinity }], 1000, new MetricSums()).Updated;

        Assert.False(updated);
        Assert.All(before.Zip(model.Parameters), pair => Assert.True(pair.First.equal(pair.Second.Value).all().item<bool>()));
    }

    [Fact]
    public void Run_ManySteps_KeepsTheNumberOfLiveTensors()
    {
        using var model = new TinyLm();
        using var optimizer = new AdamW(model.Trainable, new AdamWSpec());
        var step = Step(model, new GrpoOptions { Kl = new() { Beta = 0.1 } }, optimizer, 14);
        var counts = new List<long>();
        for (var i = 0; i < 10; i++)
        {
            using var scope = torch.NewDisposeScope();
            step.Run(Rows, 0, double.NaN, 1e-3, new MetricSums(), CancellationToken.None);
            counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }

        Assert.Equal(counts[2], counts[9]);
    }

    [Fact]
    public void Run_Cancelled_Stops()
    {
        using var scope = torch.NewDisposeScope();
        using var model = new TinyLm();
        using var optimizer = new AdamW(model.Trainable, new AdamWSpec());

        Assert.Throws<OperationCanceledException>(() =>
            Step(model, new ToprOptions(), optimizer, 1000)
                .Run(Rows, 0, double.NaN, 1e-3, new MetricSums(), new CancellationToken(canceled: true)));
    }

    private static (float[] Gradient, IReadOnlyDictionary<string, double> Metrics, int TokenBudget) GradientOf(
        AlgorithmOptions options, TrainingRow[] rows, int tokenBudget, int maxPositions = int.MaxValue)
    {
        using var scope = torch.NewDisposeScope();
        using var model = new TinyLm { MaxPositions = maxPositions };
        var metrics = new MetricSums();
        var (_, budget) = Run(model, options, rows, tokenBudget, metrics);
        return (Flat(model), metrics.ToMetrics(), budget);
    }

    private static (bool Updated, int TokenBudget) Run(TinyLm model, AlgorithmOptions options, TrainingRow[] rows, int tokenBudget, MetricSums metrics)
    {
        using var optimizer = new AdamW(model.Trainable, new AdamWSpec());
        var step = Step(model, options, optimizer, tokenBudget);
        return (step.Run(rows, 0, double.NaN, 1e-3, metrics, CancellationToken.None) == step.Updates, step.TokenBudget);
    }

    private static TrainingStep Step(TinyLm model, AlgorithmOptions options, AdamW optimizer, int tokenBudget, int updates = 1)
    {
        var recipe = new Recipe { Algorithm = options, Steps = 1, UpdatesPerStep = updates, Optimizer = new AdamWSpec { MaxGradientNorm = 1e6 } };
        var reference = new ReferencePolicy(model, () => model, 1.0);
        return new TrainingStep(model, AlgorithmCatalog.Create(options), optimizer, reference, recipe, 1.0, torch.CPU) { TokenBudget = tokenBudget };
    }

    private static float[] Flat(TinyLm model) =>
        [.. model.Parameters.SelectMany(parameter => parameter.Value.grad!.cpu().data<float>().ToArray())];

    private static TrainingRow Row(int group, int[] prompt, int[] completion, float advantage) =>
        new(group, prompt, completion, [.. completion.Select(token => -1.5f - (0.1f * token))], advantage) { Reward = advantage };
}
