using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>One block: attention and feed-forward, each behind a norm and added to the stream.</summary>
internal sealed class DecoderLayer(RmsNorm attentionNorm, Attention attention, RmsNorm feedForwardNorm, SwiGlu feedForward)
{
    /// <summary>[B, S, D] -> [B, S, D]; what lies between is released here, except what the gradient needs.</summary>
    public torch.Tensor Forward(torch.Tensor x, long rows, long length, Rotary.Angles angles, Sight sight, KvCache? cache, int layer)
    {
        using var scope = torch.NewDisposeScope();
        var stream = x.add(attention.Forward(attentionNorm.Forward(x), rows, length, angles, sight, cache, layer));
        return stream.add(feedForward.Forward(feedForwardNorm.Forward(stream))).MoveToOuterDisposeScope();
    }
}
