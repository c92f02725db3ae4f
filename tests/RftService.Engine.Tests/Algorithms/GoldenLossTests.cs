using RftService.Engine.Algorithms;
using RftService.Engine.Native;
using RftService.Testing;
using TorchSharp;

namespace RftService.Engine.Tests.Algorithms;

public sealed class GoldenLossTests
{
    public GoldenLossTests() => NativeTorch.Load();

    [SharedFact]
    public void Loss_GoldenCases_MatchInDouble() => AssertCases(torch.ScalarType.Float64, 1e-10);

    [SharedFact]
    public void Loss_GoldenCases_MatchInFloat32() => AssertCases(torch.ScalarType.Float32, 1e-5);

    [SharedFact]
    public void KlEstimators_GoldenCases_MatchInDouble()
    {
        foreach (var (name, estimator) in new[] { ("kl_k1", KlEstimator.K1), ("kl_k2", KlEstimator.K2), ("kl_k3", KlEstimator.K3) })
        {
            var options = new GrpoOptions { KlBeta = 1, KlEstimator = estimator, Reduction = LossReduction.TokenMean };

            // The surrogate alone is subtracted: what is left is the divergence.
            var both = GoldenLosses.Actual(new GoldenCase(name, options, "grpo_ddof1_eps1e-6"), torch.ScalarType.Float64);
            var surrogate = GoldenLosses.Actual(new GoldenCase(name, options with { KlBeta = 0 }, "grpo_ddof1_eps1e-6"), torch.ScalarType.Float64);
            var expected = GoldenLosses.Expected(name);

            Assert.Equal(expected.Loss, both.Loss - surrogate.Loss, 1e-10);
            AssertClose(name, expected.Gradient, Subtract(both.Gradient, surrogate.Gradient), 1e-10);
        }
    }

    [SharedFact]
    public void AssignCredit_GoldenGroups_GivesGoldenAdvantages()
    {
        foreach (var (name, options) in new[]
        {
            ("grpo_ddof1_eps1e-6", new GrpoOptions()),
            ("grpo_ddof1_eps1e-4 (TRL)", new GrpoOptions { StdEpsilon = 1e-4 }),
            ("dr_grpo_center_only", new GrpoOptions { NormalizeStd = false }),
        })
        {
            var rewards = GoldenLosses.Input("reward01").EnumerateArray().Select(value => value.GetSingle()).ToArray();
            var expected = GoldenLosses.Advantages(name);
            for (var group = 0; group < 3; group++)
            {
                var advantages = new float[4];
                var used = AlgorithmCatalog.Create(options).AssignCredit(rewards.AsSpan(group * 4, 4), advantages);

                Assert.Equal(group < 2, used); // the third group has no variance
                Assert.All(Enumerable.Range(0, used ? 4 : 0), i => Assert.Equal(expected[(group * 4) + i], advantages[i], 1e-6));
            }
        }
    }

    private static void AssertCases(torch.ScalarType dtype, double tolerance)
    {
        foreach (var golden in GoldenLosses.Cases)
        {
            var expected = GoldenLosses.Expected(golden.Name);
            var actual = GoldenLosses.Actual(golden, dtype);

            Assert.True(Math.Abs((expected.Loss * golden.Factor) - actual.Loss) <= tolerance, $"{golden.Name}: {actual.Loss} instead of {expected.Loss}");
            AssertClose(golden.Name, Scale(expected.Gradient, golden.Factor), actual.Gradient, tolerance);
        }
    }

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

    private static double[,] Scale(double[,] matrix, double factor) => Map(matrix, (i, j) => matrix[i, j] * factor);

    private static double[,] Subtract(double[,] left, double[,] right) => Map(left, (i, j) => left[i, j] - right[i, j]);

    private static double[,] Map(double[,] shape, Func<int, int, double> value)
    {
        var result = new double[shape.GetLength(0), shape.GetLength(1)];
        for (var i = 0; i < result.GetLength(0); i++)
        {
            for (var j = 0; j < result.GetLength(1); j++)
            {
                result[i, j] = value(i, j);
            }
        }

        return result;
    }
}
