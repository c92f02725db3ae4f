using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Losses;
using TorchSharp;

namespace RftService.Engine.Tests.Algorithms;

public sealed class PairLossTests
{
    private static readonly double[] ChosenLogProbs = [-1.2, -0.4, -2.0];
    private static readonly double[] RejectedLogProbs = [-0.9, -1.7];

    private static readonly PairLossSpec[] Losses =
    [
        new DpoLoss { Beta = 0.7 },
        new DpoLoss { Beta = 0.7, LabelSmoothing = 0.2, LengthNormalized = true },
        new IpoLoss { Beta = 0.4 },
        new IpoLoss { Beta = 0.4, LengthNormalized = true },
        new CplLoss { Alpha = 0.5, Bias = 0.25, Discount = 0.8 },
    ];

    [Fact]
    public void Loss_EveryToken_HasTheDerivativeOfTheValue() => Assert.All(Losses, loss =>
    {
        const double Small = 1e-6;
        double[][] logProbs = [ChosenLogProbs, RejectedLogProbs];
        var found = Gradient(loss, logProbs);
        Assert.Equal(Value(loss, logProbs), found.Loss, 1e-9);
        for (var i = 0; i < 2; i++)
        {
            for (var t = 0; t < logProbs[i].Length; t++)
            {
                double[][] Moved(double by) => [.. logProbs.Select((row, r) => row.Select((value, k) => r == i && k == t ? value + by : value).ToArray())];
                Assert.Equal((Value(loss, Moved(Small)) - Value(loss, Moved(-Small))) / (2 * Small), found.Gradient[i, t], 1e-7);
            }
        }
    });

    [Fact]
    public void Dpo_ByHand()
    {
        // Log-ratios −3.6 + 3 = −0.6 and −2.6 + 2 = −0.6: no margin, log 2 and a slope of half β.
        var rows = new DpoLoss { Beta = 0.5 }.Survey([Member(1, ChosenLogProbs), Member(0, RejectedLogProbs)]);

        Assert.Equal(Math.Log(2), rows[0][1] + rows[1][1], 1e-12);
        Assert.Equal([-0.25, 0.25], rows.Select(row => row[0]));
    }

    [Fact]
    public void Cpl_ByHand()
    {
        // r̂ = 0.5 · −3.6 = −1.8 and 0.5 · −2.6 = −1.3; −1.8 + 0.5 · 1.3 = −1.15: log(1 + e^1.15), σ(1.15) = 0.7595.
        var rows = new CplLoss { Alpha = 0.5, Bias = 0.5 }.Survey([Member(1, ChosenLogProbs), Member(0, RejectedLogProbs)]);

        Assert.Equal(Math.Log(1 + Math.Exp(1.15)), rows[0][1] + rows[1][1], 1e-12);
        Assert.Equal(-0.5 * 0.7595109, rows[0][0], 1e-7);
        Assert.Equal(0.5 * 0.5 * 0.7595109, rows[1][0], 1e-7);
    }

    [Fact]
    public void Loss_StrengthNearZero_TeachesNothing()
    {
        foreach (var loss in new PairLossSpec[] { new DpoLoss { Beta = 1e-12 }, new CplLoss { Alpha = 1e-12 } })
        {
            var rows = loss.Survey([Member(1, ChosenLogProbs), Member(0, RejectedLogProbs)]);

            Assert.Equal(Math.Log(2), rows[0][1] + rows[1][1], 1e-9);
            Assert.All(rows, row => Assert.Equal(0, row[0], 1e-11));
        }
    }

    [Fact]
    public void Ipo_MarginAtItsTarget_HasNoLoss()
    {
        // h = 5 = 1/(2 · 0.1).
        var rows = new IpoLoss { Beta = 0.1 }.Survey([Member(1, [2.0], -1), Member(0, [-4.0], -2)]);

        Assert.Equal(5, (rows[0][4] - rows[0][5]) / 0.1, 1e-9);
        Assert.All(rows, row => Assert.Equal((0.0, 0.0), (Math.Round(row[0], 9), Math.Round(row[1], 9))));
    }

    [Fact]
    public void Dpo_HugeMargin_StaysFinite()
    {
        foreach (var sign in new[] { 1, -1 })
        {
            var rows = new DpoLoss { Beta = 100 }.Survey([Member(1, [sign * 1e4]), Member(0, [-sign * 1e4])]);

            Assert.All(rows, row => Assert.All(row, value => Assert.True(double.IsFinite(value))));
        }
    }

    [Fact]
    public void Survey_ScoredGroup_MakesAPairOfEveryTwoUnequalRewards()
    {
        // 1 > 0 twice, equal rewards make no pair; a group without a pair has no loss.
        var rows = new DpoLoss().Survey([Member(0, [-1.0]), Member(1, [-0.5]), Member(0, [-2.0])]);

        Assert.Equal([0, 2, 0], rows.Select(row => row[2]));
        Assert.Equal(0, rows.Sum(row => row[0]), 1e-12);
        Assert.All(new DpoLoss().Survey([Member(1, [-1.0]), Member(1, [-0.5])]), row => Assert.All(row, value => Assert.Equal(0, value)));
    }

    [Fact]
    public void Dpo_SftWeight_AddsTheLikelihoodOfTheChosenAlone()
    {
        using var scope = torch.NewDisposeScope();
        var rule = AlgorithmCatalog.Create(new DpoOptions { SftWeight = 0.3 });
        var leaf = torch.tensor(new[,] { { -1f, -3f }, { -2f, -4f } }).requires_grad_();
        var batch = new PolicyBatch(
            leaf, torch.zeros(2, 2), torch.tensor(new[,] { { 1f }, { 0f } }), torch.ones(2, 2), torch.zeros(2, 2), torch.zeros(2, rule.SurveyWidth));

        var sft = rule.Loss(batch).Single(term => term.Name == "sft");
        sft.PerToken.sum().backward();

        Assert.Equal(0.3, sft.Weight);
        Assert.Equal(2, sft.PerToken.sum().item<float>(), 1e-6);
        Assert.Equal([-0.5f, -0.5f, 0f, 0f], leaf.grad!.data<float>().ToArray());
    }

    private static double Value(PairLossSpec loss, double[][] logProbs) =>
        loss.Survey([Member(1, logProbs[0]), Member(0, logProbs[1])]).Sum(row => row[1]);

    private static (double Loss, double[,] Gradient) Gradient(PairLossSpec loss, double[][] logProbs)
    {
        using var scope = torch.NewDisposeScope();
        var mask = torch.tensor(new double[,] { { 1, 1, 1 }, { 1, 0, 1 } });
        var leaf = torch.tensor(new[,] { { logProbs[0][0], logProbs[0][1], logProbs[0][2] }, { logProbs[1][0], -9, logProbs[1][1] } }).requires_grad_();
        var survey = loss.Survey([Member(1, logProbs[0]), Member(0, logProbs[1])]);
        var batch = new PolicyBatch(
            leaf, torch.zeros_like(leaf), torch.ones(2, 1), mask, Survey: torch.tensor(survey.SelectMany(row => row).ToArray(), [2, loss.SurveyWidth]));
        var total = (loss.PerToken(batch) * mask).sum();
        total.backward();
        var grad = leaf.grad!.data<double>().ToArray();
        return (total.item<double>(), new[,] { { grad[0], grad[1], grad[2] }, { grad[3], grad[5], 0 } }); // the masked slot left out
    }

    private static SurveyedCompletion Member(double reward, double[] logProbs, double reference = -1) => new()
    {
        Group = 0,
        Reward = reward,
        Advantages = [reward],
        LogProbs = logProbs,
        BehaviorLogProbs = [],
        ReferenceLogProbs = Enumerable.Repeat(reference, logProbs.Length).ToArray(),
    };
}
