using RftService.Engine.Kernels;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>x·Wᵀ + b, plus scale · B·A·x where an adapter is present and switched on.</summary>
internal sealed class LinearLayer(torch.Tensor weight, torch.Tensor? bias, LowRank? adapter)
{
    private static readonly long[] Rows = [0];

    public torch.Tensor Forward(torch.Tensor x, Tape? tape = null)
    {
        var y = FewRows.Linear(x, weight, bias, Sampled(x, tape));
        return adapter is { Switch.On: true } ? y.Plus_(adapter.Forward(x, tape)) : y;
    }

    /// <summary>Whether these are rows of one position, to sample their next one from.</summary>
    internal static bool Sampled(torch.Tensor x, Tape? tape) => tape is null && x.dim() == 3 && x.size(1) == 1;

    /// <summary>Adds to the gradients of the parameters, and to that of the input.</summary>
    /// <param name="toOutput">∂L/∂y, [..., out].</param>
    /// <param name="x">As it was, [..., in].</param>
    /// <param name="toInput">∂L/∂x so far, [N, in]; null: 0.</param>
    /// <param name="tape">Of the forward half.</param>
    /// <returns>∂L/∂x, [N, in]</returns>
    public torch.Tensor Backward(torch.Tensor toOutput, torch.Tensor x, torch.Tensor? toInput, Tape tape)
    {
        var (rows, input) = (toOutput.reshape(-1, weight.size(0)), x.reshape(-1, weight.size(1)));
        toInput = toInput?.addmm_(rows, weight, 1, 1) ?? rows.matmul(weight);
        if (adapter is { Switch.On: true })
        {
            adapter.Backward(rows, input, toInput, tape);
        }

        ParameterGradient.AddProduct(weight, rows, input);
        if (bias is not null)
        {
            ParameterGradient.Add(bias, rows.sum(Rows)); // not sum(0), which is taken for a type
        }

        return toInput;
    }
}
