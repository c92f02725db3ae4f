using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>The gated feed-forward block, down(silu(gate(x)) · up(x)) (Shazeer 2020, arXiv:2002.05202).</summary>
internal sealed class SwiGlu(LinearLayer gate, LinearLayer up, LinearLayer down)
{
    public torch.Tensor Forward(torch.Tensor x) =>
        down.Forward(torch.nn.functional.silu(gate.Forward(x)).mul(up.Forward(x)));
}
