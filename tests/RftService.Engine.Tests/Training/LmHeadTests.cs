using RftService.Engine.Native;
using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

public sealed class LmHeadTests
{
    public LmHeadTests() => NativeTorch.Load();

    [Theory]
    [InlineData(1, 1.0)]
    [InlineData(7, 1.0)]
    [InlineData(null, 1.0)]
    [InlineData(1, 0.7)]
    [InlineData(7, 0.7)]
    [InlineData(null, 1.3)]
    public void Backward_AnyChunk_EqualsWholeLogitsAutograd(int? chunk, double temperature)
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(1);
        var hidden = torch.randn(19, 8).requires_grad_();
        var weight = torch.randn(31, 8).requires_grad_();
        var targets = torch.randint(31, [19], torch.ScalarType.Int64);
        var k = torch.randn(19);

        var whole = hidden.matmul(weight.t()).div(temperature).log_softmax(1);
        var expected = whole.gather(1, targets.unsqueeze(1)).squeeze(1);
        (expected * k).sum().backward();
        var (toHidden, toWeight) = (hidden.grad!.clone(), weight.grad!.clone());
        weight.grad!.zero_();

        using var head = new LmHead(hidden, weight, targets, temperature, keepSoftmax: true, chunk);
        var gradient = head.Backward(k, weight);

        Assert.True(head.LogProbs.allclose(expected.detach(), 1e-5, 1e-5));
        Assert.True(head.Entropy.allclose(-(whole.exp() * whole).sum(1).detach(), 1e-5, 1e-5));
        Assert.True(gradient.allclose(toHidden, 1e-4, 1e-5));
        Assert.True(weight.grad!.allclose(toWeight, 1e-4, 1e-5));
    }

    [Fact]
    public void Backward_FrozenWeight_GetsNoGradient()
    {
        using var scope = torch.NewDisposeScope();
        var weight = torch.randn(5, 3);

        using var head = new LmHead(torch.randn(2, 3), weight, torch.tensor(new long[] { 1, 4 }), 1.0, keepSoftmax: true);
        head.Backward(torch.ones(2), weight);

        Assert.Null(weight.grad);
    }

    [Fact]
    public void Backward_WeightWithoutGradient_MakesAndAccumulates()
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(2);
        var weight = torch.randn(5, 3).requires_grad_();
        var hidden = torch.randn(2, 3);
        var targets = torch.tensor(new long[] { 1, 4 });

        using (var first = new LmHead(hidden, weight, targets, 1.0, keepSoftmax: true))
        {
            first.Backward(torch.ones(2), weight);
        }

        var once = weight.grad!.clone();
        using var second = new LmHead(hidden, weight, targets, 1.0, keepSoftmax: true);
        second.Backward(torch.ones(2), weight);

        Assert.True(weight.grad!.allclose(once * 2));
        Assert.NotEqual(0f, once.abs().sum().item<float>());
    }
}
