using RftService.Engine.Native;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>What a pass gives the layers of one kind.</summary>
/// <param name="Angles">Null: these layers do not turn.</param>
/// <param name="Sight">Which keys they may look at.</param>
internal sealed record LayerView(Rotary.Angles? Angles, Sight Sight);

/// <summary>One block: attention and feed-forward, each behind a norm and added to the stream; Gemma norms what is added too.</summary>
internal sealed class DecoderLayer(
    RmsNorm attentionNorm, Attention attention, RmsNorm? attentionPostNorm, RmsNorm feedForwardNorm, FeedForward feedForward, RmsNorm? feedForwardPostNorm)
{
    /// <summary>[B, S, D] -> [B, S, D]; what lies between is released here, except what stays on the tape.</summary>
    public torch.Tensor Forward(torch.Tensor x, LayerView view, KvPass? pass, int layer, Tape? tape)
    {
        using var scope = torch.NewDisposeScope();
        var attended = attention.Forward(attentionNorm.Forward(x, tape), view, pass, layer, tape);
        var stream = (attentionPostNorm?.Forward(attended, tape) ?? attended).Plus_(x);
        var fed = feedForward.Forward(feedForwardNorm.Forward(stream, tape), tape);
        return (feedForwardPostNorm?.Forward(fed, tape) ?? fed).Plus_(stream).MoveToOuterDisposeScope();
    }

    /// <summary>∂L/∂output -> ∂L/∂input, [B, S, D]; parameters get theirs.</summary>
    public torch.Tensor Backward(torch.Tensor toOutput, LayerView view, Tape tape)
    {
        using var scope = torch.NewDisposeScope();
        var toFed = feedForwardPostNorm?.Backward(toOutput, tape) ?? toOutput;
        var toStream = feedForwardNorm.Backward(feedForward.Backward(toFed, tape), tape).Plus_(toOutput);
        var toAttended = attentionPostNorm?.Backward(toStream, tape) ?? toStream;
        return attentionNorm.Backward(attention.Backward(toAttended, view, tape), tape).Plus_(toStream).MoveToOuterDisposeScope();
    }
}
