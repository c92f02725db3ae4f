using RftService.Engine.Kernels;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>x / rms(x) · w over the last dimension (Zhang and Sennrich 2019, arXiv:1910.07467); Gemma multiplies by 1 + w.</summary>
internal sealed class RmsNorm(torch.Tensor weight, double epsilon, bool offset)
{
    private static readonly long[] LastDimension = [-1];
    private readonly Scalar _minusEpsilon = -epsilon;

    public torch.Tensor Forward(torch.Tensor x, Tape? tape)
    {
        if (!HostRows.Hold(x))
        {
            return Island.Forward(tape, inputs => Whole(inputs[0]), x);
        }

        tape?.Keep(x);
        return RmsNormKernel.Forward(x, Factor(), epsilon);
    }

    /// <param name="toOutput">∂L/∂y, contiguous.</param>
    /// <param name="tape">Of the forward half.</param>
    /// <returns>∂L/∂x</returns>
    public torch.Tensor Backward(torch.Tensor toOutput, Tape tape)
    {
        if (!HostRows.Hold(toOutput))
        {
            return Island.Backward(tape, toOutput, 1)[0];
        }

        var toWeight = weight.requires_grad ? ParameterGradient.Of(weight) : null;
        return RmsNormKernel.Backward(toOutput, tape.Take(), Factor(), epsilon, toWeight);
    }

    private torch.Tensor Factor() => offset ? weight.Plus(1) : weight;

    private torch.Tensor Whole(torch.Tensor x)
    {
        var scale = x.Squared().mean(LastDimension, keepdim: true).sub_(_minusEpsilon).rsqrt_();
        return x.mul(scale).mul(Factor());
    }
}
