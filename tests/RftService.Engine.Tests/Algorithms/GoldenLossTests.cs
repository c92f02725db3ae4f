using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Losses;
using RftService.Testing;
using TorchSharp;

namespace RftService.Engine.Tests.Algorithms;

public sealed class GoldenLossTests
{
    [SharedFact]
    public void Loss_GoldenCases_MatchInDouble() => AssertCases(torch.ScalarType.Float64, 1e-10);

    [SharedFact]
    public void Loss_GoldenCases_MatchInFloat32() => AssertCases(torch.ScalarType.Float32, 1e-5);

    [SharedFact]
    public void GoldenCases_All_AreTestedOrNamedAsLater() =>
        Assert.Equal(GoldenLosses.Names.Order(), GoldenCase.All.Select(golden => golden.Name).Append("red_drop").Concat(ChordTests.Golden.Select(golden => golden.Name)).Distinct().Concat(GoldenCase.Later).Order());

    [SharedFact]
    public void RedDrop_DropsRowsFourAndSeven_MatchesTheGoldenCase()
    {
        // Two of the rows 4, 5 and 7 are dropped at random: look for a seed that draws those of the golden case.
        var rule = AlgorithmCatalog.Create(new RedDropOptions());
        var seeds = Enumerable.Range(0, 100)
            .Where(seed => rule.AssignCredit(GoldenLosses.Rollouts(seed: (ulong)seed)).Credits[5].Advantage == -0.5)
            .ToArray();

        var (loss, gradient) = GoldenLosses.Actual(new RedDropOptions(), torch.ScalarType.Float64, seed: (ulong)seeds[0]);

        var expected = GoldenLosses.Expected("red_drop");
        Assert.InRange(seeds.Length, 20, 50); // a third
        Assert.Equal(expected.Loss, loss, 1e-10);
        AssertClose("red_drop", expected.Gradient, gradient, 1e-10);
    }

    [SharedFact]
    public void AdaptiveClip_EveryTarget_FindsTheGoldenBounds()
    {
        var credits = AlgorithmCatalog.Create(new BapoOptions()).AssignCredit(GoldenLosses.Rollouts()).Credits;
        var step = GoldenLosses.Surveyed(credits, GoldenLosses.Inputs("mask"));
        foreach (var golden in GoldenLosses.Golden("bapo_repo_variant").GetProperty("bounds_by_target").EnumerateArray())
        {
            var found = new AdaptiveClipLoss { Target = golden.GetProperty("target").GetDouble() }.Survey(step)[0];

            Assert.Equal(golden.GetProperty("lower").GetDouble(), found[0], 1e-10);
            Assert.Equal(golden.GetProperty("upper").GetDouble(), found[1], 1e-10);
        }
    }

    private static void AssertCases(torch.ScalarType dtype, double tolerance) => Assert.All(GoldenCase.All, golden =>
    {
        var expected = GoldenLosses.Expected(golden.Name);
        var (loss, gradient) = golden.Pairs
            ? GoldenLosses.ActualOfPairs(golden.Name, golden.Options, dtype)
            : GoldenLosses.Actual(golden.Options, dtype, golden.Expert);

        Assert.True(Math.Abs((expected.Loss * golden.Factor) - loss) <= tolerance, $"{golden.Name}: {loss} instead of {expected.Loss}");
        AssertClose(golden.Name, Scale(expected.Gradient, golden.Factor), gradient, tolerance);
    });

    private static void AssertClose(string name, double[,] expected, double[,] actual, double tolerance)
    {
        for (var i = 0; i < expected.GetLength(0); i++)
        {
            for (var j = 0; j < expected.GetLength(1); j++)
            {
                Assert.True(Math.Abs(expected[i, j] - actual[i, j]) <= tolerance, $"{name}[{i}, {j}]: {actual[i, j]} instead of {expected[i, j]}");
            }
        }
    }

    private static double[,] Scale(double[,] matrix, double factor)
    {
        var scaled = (double[,])matrix.Clone();
        for (var i = 0; i < scaled.GetLength(0); i++)
        {
            for (var j = 0; j < scaled.GetLength(1); j++)
            {
                scaled[i, j] *= factor;
            }
        }

        return scaled;
    }
}
