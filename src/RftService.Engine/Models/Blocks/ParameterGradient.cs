using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>Where the gradient of a parameter adds up over passes, until the optimizer has used it. Frozen parameters are passed over.</summary>
internal static class ParameterGradient
{
    /// <summary>The gradient so far; made, as 0, when there is none.</summary>
    public static torch.Tensor Of(torch.Tensor parameter)
    {
        if (parameter.grad is { } present)
        {
            return present;
        }

        var made = torch.zeros_like(parameter).DetachFromDisposeScope();
        parameter.grad = made;
        return made;
    }

    public static void Add(torch.Tensor parameter, torch.Tensor gradient)
    {
        if (parameter.requires_grad)
        {
            Of(parameter).Plus_(gradient);
        }
    }

    /// <summary>Adds ∂L/∂yᵀ · x, in one product.</summary>
    /// <param name="parameter">W of y = x·Wᵀ.</param>
    /// <param name="toOutput">∂L/∂y, [N, out].</param>
    /// <param name="input">x, [N, in].</param>
    public static void AddProduct(torch.Tensor parameter, torch.Tensor toOutput, torch.Tensor input)
    {
        if (parameter.requires_grad)
        {
            Of(parameter).addmm_(toOutput.t(), input, 1, 1);
        }
    }
}
