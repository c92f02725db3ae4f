using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

public sealed class LmHeadTests
{
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

    [Theory]
    [InlineData(7, 1.0)]
    [InlineData(null, 0.7)]
    public void Draws_AnyChunk_FollowTheTemperedPolicyAndItsAutograd(int? chunk, double temperature)
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(3);
        const int Count = 4000;
        var hidden = torch.randn(19, 8).requires_grad_();
        var weight = (torch.randn(5, 8) * 0.3).detach().requires_grad_();
        var targets = torch.randint(5, [19], torch.ScalarType.Int64);
        var (k, drawnK) = (torch.randn(19), torch.randn(19, Count) / Count);

        using var head = new LmHead(
            hidden, weight, targets, temperature, keepSoftmax: true, chunk, draws: new TokenDraws(torch.rand(19, Count), Temperature: 1.3));
        var gradient = head.Backward(k, weight, drawnK);
        var (toWeight, drawn) = (weight.grad!.clone(), head.Drawn!);
        weight.grad!.zero_();

        var whole = hidden.matmul(weight.t()).div(temperature).log_softmax(1);
        var shares = torch.stack(Enumerable.Range(0, 5).Select(token => drawn.eq(token).to_type(torch.ScalarType.Float32).mean([1])), 1);
        Assert.True(shares.allclose((whole / 1.3).softmax(1).detach(), 0, 0.04), "4000 draws: σ is 0.008 at most");
        Assert.True(head.DrawnLogProbs!.allclose(whole.gather(1, drawn).detach(), 1e-5, 1e-5));
        ((whole.gather(1, targets.unsqueeze(1)).squeeze(1) * k).sum() + (whole.gather(1, drawn) * drawnK).sum()).backward();
        Assert.True(gradient.allclose(hidden.grad!, 1e-4, 1e-5));
        Assert.True(toWeight.allclose(weight.grad!, 1e-4, 1e-5));
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
