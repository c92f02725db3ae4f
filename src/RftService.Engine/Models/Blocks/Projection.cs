using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>Several projections of the same input: each a linear layer of its own, or all in one matrix, one below the other.</summary>
internal abstract class Projection
{
    /// <summary>One output a projection, in order.</summary>
    public abstract torch.Tensor[] Forward(torch.Tensor x);

    public static Projection Separate(params LinearLayer[] layers) => new Several(layers);

    /// <param name="layer">The matrix of all.</param>
    /// <param name="sizes">Outputs of each.</param>
    public static Projection Fused(LinearLayer layer, params long[] sizes) => new One(layer, sizes);

    private sealed class Several(LinearLayer[] layers) : Projection
    {
        public override torch.Tensor[] Forward(torch.Tensor x) => [.. layers.Select(layer => layer.Forward(x))];
    }

    private sealed class One(LinearLayer layer, long[] sizes) : Projection
    {
        public override torch.Tensor[] Forward(torch.Tensor x) => layer.Forward(x).split(sizes, -1);
    }
}
