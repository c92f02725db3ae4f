using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>The gated feed-forward block, down(g(gate(x)) · up(x)) (Shazeer 2020, arXiv:2002.05202).</summary>
internal sealed class FeedForward(GateFunction function, Projection gateAndUp, LinearLayer down)
{
    public torch.Tensor Forward(torch.Tensor x)
    {
        var parts = gateAndUp.Forward(x);
        return down.Forward(Gate(parts[0]).mul(parts[1]));
    }

    private torch.Tensor Gate(torch.Tensor x) => function switch
    {
        GateFunction.Silu => torch.nn.functional.silu(x),
        GateFunction.GeluTanh => x.gelu(TorchSharp.Modules.GELU.Approximate.tanh),
    };
}
