using System.Runtime.Intrinsics;
using RftService.Engine.Kernels;

namespace RftService.Engine.Tests.Kernels;

public sealed class ExponentialTests
{
    [Fact]
    public void Of_AllThatAFloatHolds_IsRightToTwoPlaces()
    {
        for (var x = -87.3f; x < 88; x += 0.0137f)
        {
            var expected = Math.Exp(x);
            Assert.InRange(Exponential.Of(Vector512.Create(x))[3] / expected, 1 - 2.4e-7, 1 + 2.4e-7);
        }
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(-88f, 0f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(float.NaN, float.NaN)]
    public void Of_AtTheEdges_IsWhatSoftmaxNeeds(float x, float expected) => Assert.Equal(expected, Exponential.Of(Vector512.Create(x))[0]);

    [Theory]
    [InlineData(0f, 0.5f)]
    [InlineData(2f, 0.880797078f)]
    [InlineData(float.PositiveInfinity, 1f)]
    [InlineData(1000f, 1f)]
    [InlineData(float.NaN, float.NaN)]
    public void Sigmoid_AnyNumber_IsItsShare(float x, float expected) =>
        Assert.Equal(expected, Exponential.Sigmoid(Vector512.Create(x))[0], tolerance: 2e-7f);

    [Fact]
    public void Sigmoid_FarBelowZero_IsNothing() => Assert.InRange(Exponential.Sigmoid(Vector512.Create(-1000f))[0], 0, 1e-37f);
}
