using RftService.Engine.Kernels;
using RftService.Engine.Models.Blocks;
using TorchSharp;

namespace RftService.Engine.Tests.Kernels;

public sealed class CausalAttentionTests
{
    [Theory]
    [InlineData(1, 1, 1, 1, 16)]
    [InlineData(2, 5, 3, 1, 16)]
    [InlineData(1, 16, 2, 2, 80)]      // columns of 64 and 16
    [InlineData(2, 47, 4, 2, 32)]
    [InlineData(1, 48, 6, 2, 64)]      // one whole block of queries
    [InlineData(1, 49, 2, 1, 96)]
    [InlineData(2, 65, 4, 4, 64)]      // a second panel of keys
    [InlineData(3, 200, 6, 2, 128)]
    [InlineData(1, 391, 3, 1, 256)]
    public void ForwardAndBackward_AnyShape_EqualTorchInFloat64(int rows, int length, int heads, int keyHeads, int size)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor Random(int count) => torch.randn(rows, length, count, size, generator: generator);
        torch.Tensor queries = Random(heads), keys = Random(keyHeads), values = Random(keyHeads), toMixed = Random(heads);

        using var tape = new Tape();
        var mixed = CausalAttention.Forward(queries, keys, values, tape);
        var (toQueries, toKeys, toValues) = CausalAttention.Backward(toMixed, tape);

        torch.Tensor[] leaves = [.. new[] { queries, keys, values }.Select(tensor => tensor.@double().requires_grad_())];
        torch.Tensor Repeated(torch.Tensor tensor) => tensor.transpose(1, 2).repeat_interleave(heads / keyHeads, 1);
        var expected = torch.nn.functional.scaled_dot_product_attention(leaves[0].transpose(1, 2), Repeated(leaves[1]), Repeated(leaves[2]), is_casual: true).transpose(1, 2);
        expected.backward([toMixed.@double()]);
        Near(expected, mixed);
        Near(leaves[0].grad!, toQueries);
        Near(leaves[1].grad!, toKeys);
        Near(leaves[2].grad!, toValues);
    }

    [Fact]
    public void ForwardAndBackward_OfARowAmongOthers_AreTheSameBits()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor Random(int heads) => torch.randn(3, 70, heads, 32, generator: generator);
        torch.Tensor[] all = [Random(4), Random(2), Random(2), Random(4)];

        var whole = Run(all);
        var alone = Run([.. all.Select(tensor => tensor.narrow(0, 1, 1))]);

        Assert.All(whole.Zip(alone), pair => Assert.True(pair.First.narrow(0, 1, 1).Equals(pair.Second)));

        static torch.Tensor[] Run(torch.Tensor[] inputs)
        {
            using var tape = new Tape();
            var mixed = CausalAttention.Forward(inputs[0], inputs[1], inputs[2], tape);
            var (toQueries, toKeys, toValues) = CausalAttention.Backward(inputs[3], tape);
            return [mixed, toQueries, toKeys, toValues];
        }
    }

    private static void Near(torch.Tensor expected, torch.Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((actual - expected).abs().max().item<double>(), 0, 1e-5 * Math.Max(1, expected.abs().max().item<double>()));
    }
}
