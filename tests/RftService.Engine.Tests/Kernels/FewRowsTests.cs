using System.Runtime.Intrinsics.X86;
using RftService.Engine.Kernels;
using TorchSharp;

namespace RftService.Engine.Tests.Kernels;

public sealed class FewRowsTests
{
    [Theory]
    [InlineData(1, 6, 16, false)]
    [InlineData(3, 20, 96, true)]
    [InlineData(4, 768, 48, false)]
    [InlineData(7, 35, 2064, true)]     // columns in three goes, a last tile that reaches back
    [InlineData(64, 100, 1024, false)]
    [InlineData(128, 13, 1040, true)]
    [InlineData(129, 12, 32, false)]    // too many rows: torch's own
    [InlineData(5, 12, 20, true)]       // no whole vectors: torch's own
    [InlineData(2, 4, 32, false)]       // fewer outputs than a tile
    public void Linear_AnyShape_EqualsTheProductInFloat64(int rows, int outputs, int depth, bool biased)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        var (x, weight) = (torch.randn(rows, depth, generator: generator), torch.randn(outputs, depth, generator: generator));
        var bias = biased ? torch.randn(outputs, generator: generator) : null;

        var actual = FewRows.Linear(x, weight, bias);

        var expected = torch.nn.functional.linear(x.@double(), weight.@double(), bias?.@double());
        Assert.Equal([rows, outputs], actual.shape);
        Assert.InRange((actual - expected).abs().max().item<double>(), 0, 2e-6 * depth);
    }

    [Fact]
    public void Linear_ViewsOfThreeDimensions_KeepTheirShape()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        var (x, weight) = (torch.randn(48, 3, 2, generator: generator).permute(2, 1, 0), torch.randn(7, 48, generator: generator));

        var actual = FewRows.Linear(x, weight);

        Assert.Equal([2, 3, 7], actual.shape);
        Assert.InRange((actual - torch.nn.functional.linear(x, weight)).abs().max().item<float>(), 0, 1e-4f);
    }

    [Avx512Fact]
    public void Linear_SameRowAmongOthers_GetsTheSameBits()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        var (x, weight) = (torch.randn(300, 1200, generator: generator), torch.randn(31, 1200, generator: generator));
        var all = FewRows.Linear(x, weight, sampled: true);
        foreach (var count in new[] { 1, 2, 5, 17, 130 })
        {
            Assert.True(FewRows.Linear(x.narrow(0, 3, count), weight, sampled: true).Equals(all.narrow(0, 3, count)));
        }

        torch.set_num_threads(2);
        try
        {
            Assert.True(FewRows.Linear(x, weight, sampled: true).Equals(all));
        }
        finally
        {
            torch.set_num_threads(1);
        }
    }

    [Fact]
    public void Linear_NotANumberInARow_StaysInThatRow()
    {
        using var scope = torch.NewDisposeScope();
        var (x, weight) = (torch.ones(6, 32), torch.ones(9, 32));
        x[2, 5] = float.NaN;

        var actual = FewRows.Linear(x, weight);

        Assert.Equal([false, false, true, false, false, false], actual.isnan().all(1).data<bool>().ToArray());
        Assert.Equal([false, false, true, false, false, false], actual.isnan().any(1).data<bool>().ToArray());
    }

    // Elsewhere torch's own product does the work, which promises less.
    private sealed class Avx512FactAttribute : FactAttribute
    {
        public Avx512FactAttribute() => Skip = Avx512F.IsSupported ? null : "the processor has no AVX-512";
    }
}
