using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Rewards;
using TorchSharp;

namespace RftService.Engine.Tests.Algorithms;

public sealed partial class HandComputedLossTests
{
    [Fact]
    public void Topr_NegativeCompletion_IsScaledByTruncatedCompletionRatio()
    {
        using var scope = torch.NewDisposeScope();

        // Row 0: A = +1 -> weight 1.  Row 1: A = -1, log ratio = -0.2 - 0.3 = -0.5 -> weight exp(-0.5).
        var (values, gradient) = LossOf(
            new ToprOptions(), new[,] { { -1.0f, -2.0f }, { -0.7f, -0.8f } }, new[,] { { -1.0f, -1.0f }, { -0.5f, -0.5f } }, [1f, -1f]);

        var w = MathF.Exp(-0.5f);
        AssertClose([1f, 2f, -0.7f * w, -0.8f * w], values);
        AssertClose([-1f, -1f, w, w], gradient);
    }

    [Fact]
    public void Topr_NegativeCompletionLikelierThanBefore_HasWeightOne()
    {
        using var scope = torch.NewDisposeScope();

        // log ratio = 0.4 + 0.1 = 0.5 -> exp(0.5) truncated to 1.
        var (_, gradient) = LossOf(new ToprOptions(), new[,] { { -0.1f, -0.4f } }, new[,] { { -0.5f, -0.5f } }, [-1f]);

        AssertClose([1f, 1f], gradient);
    }

    [Fact]
    public void Topr_VeryLongCompletion_StaysFinite()
    {
        using var scope = torch.NewDisposeScope();
        var options = new ToprOptions { PositiveTaper = new() { Lower = 0 }, NegativeTaper = new() { Lower = 0 } };

        // log ratio = +200: e^200 is beyond float32, the ratio is held at e^20.
        var (values, gradient) = LossOf(options, new[,] { { -1f, -1f } }, new[,] { { -101f, -101f } }, [-1f]);

        Assert.All(values.Concat(gradient), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void Topr_ZeroOneGrades_BecomeSignedAndCurated()
    {
        var topr = new ToprOptions { MaxPositivesPerPrompt = 1, MaxNegativesPerPrompt = 2, Baseline = 0.25 };

        // ±1 − 0.25; the second positive and the third negative are left out.
        Assert.Equal([(0, -1.25), (1, 0.75), (3, -1.25)], Credit(topr, [0, 1, 1, 0, 0]).Credits.Select(credit => (credit.Completion.Index, credit.Advantage)));
    }

    [Fact]
    public void Topr_ConfigurationWithoutNegatives_Warns()
    {
        Assert.Equal("no_negatives", Assert.Single(Credit(new ToprOptions { RewardScale = RewardScale.AsIs }, [0, 1]).Notices).Code);
        Assert.Empty(Credit(new ToprOptions(), [0, 1]).Notices);
        Assert.Empty(Credit(new ToprOptions(), [1, 1]).Notices); // nothing is worse than anything else
    }

    [Fact]
    public void Topr_TargetPositiveShare_IsReached()
    {
        var advantages = Credit(new ToprOptions { TargetPositiveShare = 0.2 }, [1, 0, 0, 1, 1, 0, 1, 1]).Credits.Select(credit => credit.Advantage).ToArray();

        Assert.Equal(0.2, advantages.Where(advantage => advantage > 0).Sum() / advantages.Sum(Math.Abs), 1e-9);
    }

    [Fact]
    public void Topr_Measure_CountsDeadAndCappedNegatives()
    {
        using var scope = torch.NewDisposeScope();

        // Row 0 positive; row 1: e^-10, dead; row 2: e^+1 truncated to 1, capped.
        var batch = Batch(
            new[,] { { -1f, -1f }, { -6f, -6f }, { -0.5f, -0.5f } }, new[,] { { -1f, -1f }, { -1f, -1f }, { -1f, -1f } }, [1f, -1f, -1f]);

        var metrics = AlgorithmCatalog.Create(new ToprOptions()).Measure(batch).ToDictionary(metric => metric.Name, metric => metric.Sum / metric.Count);

        Assert.Equal(1.0 / 3, metrics["topr/positive_share"], 1e-6);
        Assert.Equal(0.5, metrics["topr/dead_negatives_share"], 1e-6);
        Assert.Equal(0.5, metrics["topr/capped_negatives_share"], 1e-6);
    }

    [Fact]
    public void Grpo_ClippedTokens_LoseTheirGradient()
    {
        using var scope = torch.NewDisposeScope();

        // Ratios 1 and e^0.5 = 1.65 > 1.2. A = +1: the second is clipped. A = -1: both count, as -A·ρ.
        var (values, gradient) = LossOf(
            new GrpoOptions(), new[,] { { -1f, -1f }, { -1f, -1f } }, new[,] { { -1f, -1.5f }, { -1f, -1.5f } }, [1f, -1f]);

        var ratio = MathF.Exp(0.5f);
        AssertClose([-1f, -1.2f, 1f, ratio], values);
        AssertClose([-1f, 0f, 1f, ratio], gradient);
    }

    [Fact]
    public void Grpo_EqualRewards_AreKeptOrDropped()
    {
        Assert.Equal([0.0, 0.0], Credit(new GrpoOptions(), [0.5, 0.5]).Credits.Select(credit => credit.Advantage));
        Assert.Empty(Credit(new GrpoOptions { DropZeroVariance = true }, [0.5, 0.5]).Credits);
        Assert.Empty(Credit(new DapoOptions(), [1]).Credits); // alone: nothing to compare
        Assert.Empty(Credit(new GrpoOptions(), []).Credits);
    }

    [Fact]
    public void Grpo_KlInTheReward_ChangesTheAdvantage()
    {
        // Log-ratios to the reference of 0.2 and 0: rewards 1 − 0.5·0.2 = 0.9 and 1.
        var step = Step([1, 1]) with
        {
            Completions = [.. Step([1, 1]).Completions.Select((one, i) => one with { BehaviorLogProbs = [-1f], ReferenceLogProbs = [i == 0 ? -1.2f : -1f] })],
        };
        var options = new GrpoOptions { NormalizeStd = false, Kl = new() { Beta = 0.5, Estimator = KlEstimator.K1, Place = KlPlace.Reward } };

        var advantages = AlgorithmCatalog.Create(options).AssignCredit(step).Credits.Select(credit => credit.Advantage).ToArray();

        Assert.Equal(-0.05, advantages[0], 1e-6);
        Assert.Equal(0.05, advantages[1], 1e-6);
    }

    [Fact]
    public void UncertaintyWeight_Gradient_DoesNotPassThroughTheWeight()
    {
        using var scope = torch.NewDisposeScope();

        // p = 0.1 (below 0.2356, where a φ that is not detached would push the token down): ∂(−φ · log p) = −0.1 · 0.9.
        var (_, gradient) = LossOf(new SftOptions { Weight = SftWeight.Uncertainty }, new[,] { { MathF.Log(0.1f) } }, new[,] { { 0f } }, [1f]);

        AssertClose([-0.09f], gradient);
    }

    [Fact]
    public void Coefficient_Schedule_FollowsTheStep()
    {
        using var scope = torch.NewDisposeScope();
        var plain = Batch(new[,] { { -1f } }, new[,] { { -1f } }, [1f]);
        var batch = plain with { PreviousLogProbs = plain.BehaviorLogProbs };
        var rule = AlgorithmCatalog.Create(new MdpoOptions { KlScale = 2 });

        Assert.Equal([2.0, 1.0], new[] { 0, 1 }.Select(step => rule.Loss(batch with { Step = step })[1].Weight));
        Assert.Contains(rule.Measure(batch with { Step = 1 }), metric => metric is { Name: "coefficient/kl", Sum: 1 });
    }

    [Fact]
    public void Sft_Tokens_GiveNegativeLogLikelihood()
    {
        using var scope = torch.NewDisposeScope();

        var (values, gradient) = LossOf(new SftOptions(), new[,] { { -1f, -3f } }, new[,] { { 0f, 0f } }, [1f]);

        AssertClose([1f, 3f], values);
        AssertClose([-1f, -1f], gradient);
    }

    [Fact]
    public void Loss_EveryRule_IgnoresMaskedSlots() => Assert.All(AlgorithmCatalog.All, entry =>
    {
        using var scope = torch.NewDisposeScope();
        var rule = AlgorithmCatalog.Create(entry.Defaults);
        float[] Gradient(float garbage)
        {
            var batch = Batch(new[,] { { -1f, garbage }, { -2f, -1f } }, new[,] { { -0.9f, -garbage }, { -1f, -3f } }, [1f, -1f], new[,] { { 1f, 0f }, { 1f, 1f } });
            var survey = torch.tensor(Enumerable.Repeat(1.1f, 2 * rule.SurveyWidth).ToArray(), [2, rule.SurveyWidth]);
            rule.Loss(batch with
            {
                ReferenceLogProbs = batch.BehaviorLogProbs,
                PreviousLogProbs = batch.BehaviorLogProbs,
                Survey = survey,
                DrawnLogProbs = batch.LogProbs.unsqueeze(2),
                DrawnHits = torch.ones(2, 2, 1),
            }).Aggregate(
                torch.zeros([]), (sum, term) => sum + term.PerToken.sum()).backward();
            return batch.LogProbs.grad!.data<float>().ToArray();
        }

        var gradient = Gradient(-70f);

        Assert.NotEqual(0f, gradient[0]);
        Assert.Equal(0f, gradient[1]);
        Assert.Equal(Gradient(-5f), gradient);
    });

    private static SurveyedCompletion Surveyed(double reward, double logProb, double otherLogProb) => new()
    {
        Group = 0,
        Reward = reward,
        Advantages = [0],
        LogProbs = [logProb],
        BehaviorLogProbs = [otherLogProb],
        ReferenceLogProbs = [otherLogProb],
    };

    private static CreditReport Credit(AlgorithmOptions options, double[] grades) => AlgorithmCatalog.Create(options).AssignCredit(Step(grades));

    private static StepRollouts Step(double[] grades) => new(
        [.. grades.Select((grade, i) => new GradedCompletion { Index = i, Group = 0, Grade = grade, Reward = grade, Length = 1 })], MaxTokens: 8, Seed: 0);

    private static (float[] Values, float[] Gradient) LossOf(
        AlgorithmOptions options, float[,] logProbs, float[,] behavior, float[] advantages, float[,]? mask = null)
    {
        var batch = Batch(logProbs, behavior, advantages, mask);
        var term = Assert.Single(AlgorithmCatalog.Create(options).Loss(batch));
        term.PerToken.sum().backward();
        return (term.PerToken.data<float>().ToArray(), batch.LogProbs.grad!.data<float>().ToArray());
    }

    private static PolicyBatch Batch(float[,] logProbs, float[,] behavior, float[] advantages, float[,]? mask = null)
    {
        var leaf = torch.tensor(logProbs).requires_grad_();
        return new PolicyBatch(leaf, torch.tensor(behavior), torch.tensor(advantages).unsqueeze(1), mask is null ? torch.ones_like(leaf) : torch.tensor(mask));
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(Enumerable.Range(0, expected.Length), i => Assert.Equal(expected[i], actual[i], 1e-5f));
    }
}
