using RftService.Engine.Training.Optimizers;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

/// <summary>The published update rules once more, element by element in double precision.</summary>
public sealed class OptimizerFormulaTests
{
    private const int Rows = 4;
    private const int Columns = 3;
    private const int Steps = 6;

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(0.9, false)]
    [InlineData(0.9, true)]
    public void Sgd_SomeSteps_EqualTheFormula(double momentum, bool nesterov)
    {
        const double rate = 0.05, decay = 0.1;
        var spec = new SgdSpec { Momentum = momentum, Nesterov = nesterov, WeightDecay = decay };
        var buffer = new double[Rows * Columns];

        Compare(spec, rate, Rows, (weights, gradient, _) =>
        {
            for (var i = 0; i < weights.Length; i++)
            {
                buffer[i] = (momentum * buffer[i]) + gradient[i];
                var update = nesterov ? gradient[i] + (momentum * buffer[i]) : buffer[i];
                weights[i] = (weights[i] * (1 - (rate * decay))) - (rate * update);
            }
        });
    }

    [Theory]
    [InlineData(false, 0.0)]
    [InlineData(true, 0.0)]
    [InlineData(false, 0.8)]
    public void Adafactor_Matrix_EqualsTheFormula(bool relative, double beta1)
    {
        const double rate = 0.02, decay = 0.1, clip = 0.7;
        var spec = new AdafactorSpec { RelativeStep = relative, Beta1 = beta1, WeightDecay = decay, ClippingThreshold = clip };
        var (row, column, mean) = (new double[Rows], new double[Columns], new double[Rows * Columns]);

        // Algorithm 4 of the paper, with means in the place of sums.
        Compare(spec, rate, Rows, (weights, gradient, step) =>
        {
            var beta2 = 1 - Math.Pow(step, -0.8);
            var squares = gradient.Select(one => (one * one) + 1e-30).ToArray();
            for (var r = 0; r < Rows; r++)
            {
                row[r] = (beta2 * row[r]) + ((1 - beta2) * Enumerable.Range(0, Columns).Average(c => squares[(r * Columns) + c]));
            }

            for (var c = 0; c < Columns; c++)
            {
                column[c] = (beta2 * column[c]) + ((1 - beta2) * Enumerable.Range(0, Rows).Average(r => squares[(r * Columns) + c]));
            }

            var whole = row.Average();
            var update = gradient.Select((one, i) => one / Math.Sqrt(row[i / Columns] * column[i % Columns] / whole)).ToArray();
            Finish(weights, update, mean, rate, decay, clip, relative, beta1, step);
        });
    }

    [Fact]
    public void Adafactor_OneDimension_KeepsTheWholeSecondMoment()
    {
        const double rate = 0.02;
        var second = new double[Columns];

        Compare(new AdafactorSpec { WeightDecay = 0.1 }, rate, rows: null, (weights, gradient, step) =>
        {
            var beta2 = 1 - Math.Pow(step, -0.8);
            for (var i = 0; i < Columns; i++)
            {
                second[i] = (beta2 * second[i]) + ((1 - beta2) * ((gradient[i] * gradient[i]) + 1e-30));
            }

            Finish(weights, [.. gradient.Select((one, i) => one / Math.Sqrt(second[i]))], new double[Columns], rate, 0, 1, false, 0, step);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Quantization_AnyNumber_TakesTheNearestCode(bool signed)
    {
        var quantization = signed ? BlockQuantization.Signed : BlockQuantization.Unsigned;
        var random = new Random(5);
        var codes = quantization.Values.ToArray();

        Assert.Equal(256, codes.Distinct().Count());
        Assert.Equal((signed ? -0.99296874f : 0f, 1f), (codes[0], codes[^1]));
        for (var i = 0; i < 20_000; i++)
        {
            // Even in the logarithm, so that every decade is met.
            var value = (float)(Math.Pow(10, -9 * random.NextDouble()) * (signed && random.Next(2) == 0 ? -1 : 1));
            var nearest = codes.Min(code => MathF.Abs(code - value));
            Assert.Equal(nearest, MathF.Abs(codes[quantization.Nearest(value)] - value), 1e-9f);
        }

        Assert.All(codes, code => Assert.Equal(code, codes[quantization.Nearest(code)]));
    }

    [Fact]
    public void AdamW8Bit_OneStep_EqualsAdamW()
    {
        // The first step uses moments that were never rounded.
        using var scope = torch.NewDisposeScope();
        var (exact, rounded) = Pair(new AdamW8BitSpec { WeightDecay = 0.1 }, steps: 1, out _);

        Assert.True(exact.allclose(rounded, 1e-6, 1e-7));
    }

    [Fact]
    public void AdamW8Bit_HundredSteps_StayNearAdamW()
    {
        using var scope = torch.NewDisposeScope();
        var (exact, rounded) = Pair(new AdamW8BitSpec { WeightDecay = 0.01 }, steps: 100, out var start);

        // Distance of the two after the way that they went: some per cent.
        var apart = (exact - rounded).norm().item<float>() / (exact - start).norm().item<float>();
        Assert.InRange(apart, 1e-6, 0.08);
    }

    [Theory]
    [MemberData(nameof(Specs))]
    public void State_OfAnyOptimizer_GoesOnBitForBitAndIsAsLargeAsPlanned(OptimizerSpec spec)
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(4);
        var first = new[] { torch.randn(70, 60).requires_grad_(), torch.randn(5).requires_grad_() };
        using var optimizer = spec.Create([("w", first[0]), ("b", first[1])]);
        Advance(optimizer, first, 3);

        var second = first.Select(value => value.detach().clone().requires_grad_()).ToArray();
        using var resumed = spec.Create([("w", second[0]), ("b", second[1])]);
        resumed.Load(optimizer.State.ToDictionary(entry => entry.Name, entry => entry.Value.clone()));
        Advance(optimizer, first, 2);
        Advance(resumed, second, 2);

        Assert.All(first.Zip(second), pair => Assert.Equal(pair.First.data<float>().ToArray(), pair.Second.data<float>().ToArray()));
        Assert.Equal(
            spec.StateBytes([70, 60]) + spec.StateBytes([5]),
            optimizer.State.Sum(entry => entry.Value.numel() * (entry.Value.dtype == torch.ScalarType.Byte ? 1 : 4)));
    }

    public static TheoryData<OptimizerSpec> Specs =>
    [
        new AdamWSpec(), new AdamW8BitSpec(), new SgdSpec(), new SgdSpec { Momentum = 0 }, new AdafactorSpec(),
        new AdafactorSpec { RelativeStep = true, Beta1 = 0.9 },
    ];

    private static void Finish(
        double[] weights, double[] update, double[] mean, double rate, double decay, double clip, bool relative, double beta1, int step)
    {
        var size = Math.Sqrt(update.Average(one => one * one));
        var alpha = relative ? Math.Min(rate, 1 / Math.Sqrt(step)) * Math.Max(1e-3, Math.Sqrt(weights.Average(one => one * one))) : rate;
        for (var i = 0; i < weights.Length; i++)
        {
            var clipped = update[i] / Math.Max(1, size / clip);
            mean[i] = (beta1 * mean[i]) + ((1 - beta1) * clipped);
            weights[i] = (weights[i] * (1 - (alpha * decay))) - (alpha * mean[i]);
        }
    }

    private static void Compare(OptimizerSpec spec, double rate, int? rows, Action<double[], double[], int> formula)
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(3);
        var value = (rows is { } count ? torch.randn(count, Columns) : torch.randn(Columns)).requires_grad_();
        var expected = value.data<float>().Select(one => (double)one).ToArray();
        using var optimizer = spec.Create([("w", value)]);
        for (var step = 1; step <= Steps; step++)
        {
            var gradient = torch.randn(value.shape);
            optimizer.ZeroGradients();
            (value * gradient).sum().backward();
            optimizer.Step(rate);
            formula(expected, [.. gradient.data<float>().Select(one => (double)one)], step);
        }

        Assert.All(value.data<float>().Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 2e-5));
    }

    private static (torch.Tensor Exact, torch.Tensor Rounded) Pair(AdamW8BitSpec spec, int steps, out torch.Tensor start)
    {
        torch.manual_seed(8);
        start = torch.randn(80, 70);
        var target = torch.randn(80, 70);
        var exact = start.clone().requires_grad_();
        var rounded = start.clone().requires_grad_();
        using var reference = spec.Exact.Create([("w", exact)]);
        using var optimizer = spec.Create([("w", rounded)]);
        for (var step = 0; step < steps; step++)
        {
            // Within a block the columns pull up to a hundred times as hard as others.
            var noise = torch.randn(80, 70) * 0.3f;
            var strength = torch.logspace(-1, 1, 70);
            foreach (var (one, value) in new[] { (reference, exact), (optimizer, rounded) })
            {
                one.ZeroGradients();
                ((value - target + noise).square() * strength).sum().backward();
                one.Step(0.01);
            }
        }

        return (exact.detach(), rounded.detach());
    }

    private static void Advance(Optimizer optimizer, torch.Tensor[] values, int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            optimizer.ZeroGradients();
            foreach (var value in values)
            {
                value.square().sum().backward();
            }

            optimizer.Step(0.1);
        }
    }
}
