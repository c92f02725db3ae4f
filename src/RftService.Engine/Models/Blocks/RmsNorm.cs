using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>x / rms(x) · w over the last dimension (Zhang and Sennrich 2019, arXiv:1910.07467); Gemma multiplies by 1 + w.</summary>
internal sealed class RmsNorm(torch.Tensor weight, double epsilon, bool offset)
{
    private static readonly long[] LastDimension = [-1];
    private static readonly Scalar One = 1;
    private readonly Scalar _epsilon = epsilon;

    public torch.Tensor Forward(torch.Tensor x)
    {
        var scale = x.square().mean(LastDimension, keepdim: true).add_(_epsilon).rsqrt_();
        return x.mul(scale).mul(offset ? weight.add(One) : weight);
    }
}
