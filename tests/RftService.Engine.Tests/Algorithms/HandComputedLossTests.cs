using RftService.Engine.Algorithms;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Tests.Algorithms;

public sealed class HandComputedLossTests
{
    public HandComputedLossTests() => NativeTorch.Load();

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
        var advantages = new float[5];
        var topr = AlgorithmCatalog.Create(new ToprOptions { MaxPositivesPerPrompt = 1, MaxNegativesPerPrompt = 2, Baseline = 0.25 });

        Assert.True(topr.AssignCredit([0f, 1f, 1f, 0f, 0f], advantages));

        // ±1 − 0.25; the second positive and the third negative are left out.
        Assert.Equal([-1.25f, 0.75f, float.NaN, -1.25f, float.NaN], advantages);
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
    public void Grpo_EqualRewardsOrASingleOne_AreDropped()
    {
        var grpo = AlgorithmCatalog.Create(new GrpoOptions());

        Assert.False(grpo.AssignCredit([0.5f, 0.5f], new float[2]));
        Assert.False(grpo.AssignCredit([1f], new float[1]));
        Assert.False(grpo.AssignCredit([], []));
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
    public void Loss_EveryRule_IgnoresMaskedSlotsAndZeroAdvantage() => Assert.All(AlgorithmCatalog.All.Where(entry => entry.Name != "sft"), entry =>
    {
        using var scope = torch.NewDisposeScope();

        var (_, gradient) = LossOf(
            entry.Defaults, new[,] { { -1f, -70f }, { -2f, -1f } }, new[,] { { -1.1f, 50f }, { -1f, -3f } }, [1f, 0f], new[,] { { 1f, 0f }, { 1f, 1f } });

        Assert.NotEqual(0f, gradient[0]);
        Assert.All(gradient.Skip(1), value => Assert.Equal(0f, value));
    });

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
        return new PolicyBatch(leaf, torch.tensor(behavior), torch.tensor(advantages), mask is null ? torch.ones_like(leaf) : torch.tensor(mask));
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(Enumerable.Range(0, expected.Length), i => Assert.Equal(expected[i], actual[i], 1e-5f));
    }
}
