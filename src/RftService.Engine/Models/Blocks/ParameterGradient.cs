using System.Runtime.CompilerServices;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>
/// Where the gradient of a parameter adds up over passes, until the optimizer has used it. Frozen parameters are passed over. A gradient that is
/// cleared keeps its memory for the next: the first product then writes over it, and nothing has to be set to 0 first.
/// </summary>
internal static class ParameterGradient
{
    private static readonly ConditionalWeakTable<torch.Tensor, torch.Tensor> Cleared = [];

    /// <summary>The gradient so far; made, as 0, when there is none.</summary>
    public static torch.Tensor Of(torch.Tensor parameter)
    {
        if (parameter.grad is { } present)
        {
            return present;
        }

        return Room(parameter).zero_();
    }

    /// <summary>Sets it to 0.</summary>
    public static void Clear(torch.Tensor parameter)
    {
        if (parameter.grad is { } present)
        {
            if (Cleared.Remove(parameter, out var unused))
            {
                unused.Dispose(); // torch found this parameter's gradient, and made room itself
            }

            Cleared.Add(parameter, present.DetachFromDisposeScope());
            parameter.grad = null;
        }
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
            var present = parameter.grad;
            (present ?? Room(parameter)).addmm_(toOutput.t(), input, present is null ? 0 : 1, 1);
        }
    }

    // As yet without values. The handle belongs to the current scope, the memory to the parameter.
    private static torch.Tensor Room(torch.Tensor parameter)
    {
        if (Cleared.Remove(parameter, out var room))
        {
            torch.CurrentDisposeScope?.Attach(room);
        }
        else
        {
            room = torch.empty_like(parameter);
        }

        parameter.grad = room;
        return room;
    }
}
