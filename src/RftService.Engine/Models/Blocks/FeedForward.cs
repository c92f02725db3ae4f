using RftService.Engine.Kernels;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>The gated feed-forward block, down(g(gate(x)) · up(x)) (Shazeer 2020, arXiv:2002.05202).</summary>
internal sealed class FeedForward(GateFunction function, Projection gateAndUp, LinearLayer down)
{
    public torch.Tensor Forward(torch.Tensor x, Tape? tape)
    {
        var parts = gateAndUp.Forward(x, tape);
        var gated = Gate(parts[0], parts[1], tape);
        var y = down.Forward(gated, tape);
        tape?.Keep(gated);
        return y;
    }

    /// <returns>[B, S, D]</returns>
    public torch.Tensor Backward(torch.Tensor toOutput, Tape tape)
    {
        var gated = tape.Take();
        var toGated = down.Backward(toOutput, gated, toInput: null, tape).view_as(gated);
        return gateAndUp.Backward(GateBackward(toGated, tape), tape);
    }

    private torch.Tensor Gate(torch.Tensor gate, torch.Tensor up, Tape? tape)
    {
        if (!ByKernel(gate))
        {
            return Island.Forward(tape, inputs => Function(inputs[0]).mul(inputs[1]), gate, up);
        }

        tape?.Keep(gate);
        tape?.Keep(up);
        return SwiGluKernel.Forward(gate, up);
    }

    private torch.Tensor[] GateBackward(torch.Tensor toGated, Tape tape)
    {
        if (!ByKernel(toGated))
        {
            return Island.Backward(tape, toGated, 2);
        }

        torch.Tensor up = tape.Take(), gate = tape.Take();
        SwiGluKernel.Backward(toGated, gate, up);
        return [gate, up];
    }

    private bool ByKernel(torch.Tensor x) => function == GateFunction.Silu && HostRows.Hold(x);

    private torch.Tensor Function(torch.Tensor x) => function switch
    {
        GateFunction.Silu => torch.nn.functional.silu(x),
        GateFunction.GeluTanh => x.gelu(TorchSharp.Modules.GELU.Approximate.tanh),
    };
}
