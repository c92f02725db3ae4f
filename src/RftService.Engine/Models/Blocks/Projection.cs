using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>Several projections of the same input: each a linear layer of its own, or all in one matrix, one below the other.</summary>
internal abstract class Projection
{
    /// <summary>One output a projection, in order; contiguous.</summary>
    public torch.Tensor[] Forward(torch.Tensor x, Tape? tape)
    {
        var parts = Parts(x, tape);
        tape?.Keep(x);
        return parts;
    }

    /// <param name="toParts">Gradients of the outputs.</param>
    /// <param name="tape">Of the forward half.</param>
    /// <returns>Gradient of the input, in its shape.</returns>
    public torch.Tensor Backward(torch.Tensor[] toParts, Tape tape)
    {
        var x = tape.Take();
        return Backward(toParts, x, tape).view_as(x);
    }

    public static Projection Separate(params LinearLayer[] layers) => new Several(layers);

    /// <param name="layer">The matrix of all.</param>
    /// <param name="sizes">Outputs of each.</param>
    public static Projection Fused(LinearLayer layer, params long[] sizes) => new One(layer, sizes);

    protected abstract torch.Tensor[] Parts(torch.Tensor x, Tape? tape);

    protected abstract torch.Tensor Backward(torch.Tensor[] toParts, torch.Tensor x, Tape tape);

    private sealed class Several(LinearLayer[] layers) : Projection
    {
        protected override torch.Tensor[] Parts(torch.Tensor x, Tape? tape) => [.. layers.Select(layer => layer.Forward(x, tape))];

        protected override torch.Tensor Backward(torch.Tensor[] toParts, torch.Tensor x, Tape tape)
        {
            torch.Tensor? toInput = null;
            for (var i = layers.Length - 1; i >= 0; i--)
            {
                toInput = layers[i].Backward(toParts[i], x, toInput, tape);
            }

            return toInput!;
        }
    }

    private sealed class One(LinearLayer layer, long[] sizes) : Projection
    {
        protected override torch.Tensor[] Parts(torch.Tensor x, Tape? tape) =>
            [.. layer.Forward(x, tape).split(sizes, -1).Select(part => part.contiguous())];

        protected override torch.Tensor Backward(torch.Tensor[] toParts, torch.Tensor x, Tape tape) =>
            layer.Backward(torch.cat(toParts, -1), x, toInput: null, tape);
    }
}
