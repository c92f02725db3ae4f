using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>A part of a pass whose gradient torch finds: what has no gradient of our own, or stands where our kernels do not run.</summary>
internal static class Island
{
    /// <summary>The function's value, without a gradient.</summary>
    /// <param name="tape">Null: no gradient will be needed.</param>
    /// <param name="function">Of the inputs; parameters that it uses get their gradients on the way back.</param>
    /// <param name="inputs">What stands before it.</param>
    public static torch.Tensor Forward(Tape? tape, Func<torch.Tensor[], torch.Tensor> function, params torch.Tensor[] inputs)
    {
        if (tape is null)
        {
            return function(inputs);
        }

        using var scope = torch.NewDisposeScope();
        torch.Tensor[] leaves = [.. inputs.Select(input => input.detach().requires_grad_())];
        using var gradientOn = torch.enable_grad();
        var output = function(leaves);
        var value = output.detach().MoveToOuterDisposeScope();
        Array.ForEach(leaves, tape.Own);
        tape.Own(output);
        return value;
    }

    /// <summary>The gradients of the inputs, in order.</summary>
    /// <param name="tape">Of the forward half.</param>
    /// <param name="gradient">Of the value.</param>
    /// <param name="count">How many inputs there were.</param>
    public static torch.Tensor[] Backward(Tape tape, torch.Tensor gradient, int count)
    {
        using var scope = torch.NewDisposeScope();
        tape.Take().backward([gradient]);
        var gradients = new torch.Tensor[count];
        for (var i = count - 1; i >= 0; i--)
        {
            gradients[i] = tape.Take().grad!.MoveToOuterDisposeScope();
        }

        return gradients;
    }
}
