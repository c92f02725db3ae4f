using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>x becomes c · tanh(x / c): never beyond ±c (Bello et al. 2016, arXiv:1611.09940; used by Gemma 2).</summary>
internal sealed class SoftCap(double cap)
{
    // Held: a temporary Scalar may be collected before the native call reads it.
    private readonly Scalar _cap = cap;

    public static SoftCap? Of(double? cap) => cap is { } value ? new SoftCap(value) : null;

    /// <summary>The capped values, in new memory.</summary>
    public torch.Tensor Apply(torch.Tensor x) => x.div(_cap).tanh().mul(_cap);
}
