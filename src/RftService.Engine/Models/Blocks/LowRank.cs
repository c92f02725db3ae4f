using RftService.Engine.Kernels;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>The low-rank half of a linear layer: A is [r, in], B is [out, r].</summary>
/// <param name="a">A.</param>
/// <param name="b">B.</param>
/// <param name="spec">Scale and dropout.</param>
/// <param name="index">Among the adapters of the model: each has masks of its own.</param>
/// <param name="adapterSwitch">Of the model.</param>
internal sealed class LowRank(torch.Tensor a, torch.Tensor b, LoraSpec spec, int index, AdapterSwitch adapterSwitch)
{
    private readonly Scalar _scale = spec.Scale;
    private readonly Scalar _kept = 1 - spec.Dropout;

    public AdapterSwitch Switch => adapterSwitch;

    public torch.Tensor Forward(torch.Tensor x, Tape? tape = null)
    {
        var (mask, sampled) = (Mask(x), LinearLayer.Sampled(x, tape));
        var narrow = FewRows.Linear(mask is null ? x : x.mul(mask), a, sampled: sampled).mul_(_scale); // [..., r]
        tape?.Keep(narrow);
        if (mask is not null)
        {
            tape?.Keep(mask);
        }

        return FewRows.Linear(narrow, b, sampled: sampled);
    }

    /// <summary>As of <see cref="LinearLayer"/>; all are matrices.</summary>
    public void Backward(torch.Tensor toOutput, torch.Tensor x, torch.Tensor toInput, Tape tape)
    {
        var mask = Dropping ? tape.Take().reshape(-1, a.size(1)) : null;
        var narrow = tape.Take().reshape(-1, a.size(0));                                            // [N, r]
        var toNarrow = toOutput.matmul(b).mul_(_scale);                                             // [N, r]
        ParameterGradient.AddProduct(b, toOutput, narrow);
        ParameterGradient.AddProduct(a, toNarrow, mask is null ? x : x.mul(mask));
        if (mask is null)
        {
            toInput.addmm_(toNarrow, a, 1, 1);
        }
        else
        {
            toInput.add_(toNarrow.matmul(a).mul_(mask), Native.Constant.Of(1));
        }
    }

    private bool Dropping => spec.Dropout > 0 && adapterSwitch.DropoutSeed is not null;

    // A generator of its own: the same seed gives the same mask when a pass is computed again, whatever else draws random numbers.
    private torch.Tensor? Mask(torch.Tensor x)
    {
        if (!Dropping)
        {
            return null;
        }

        using var generator = new torch.Generator(unchecked((adapterSwitch.DropoutSeed!.Value * 0x9E3779B97F4A7C15) + (ulong)index), x.device);
        return torch.empty_like(x).bernoulli_(1 - spec.Dropout, generator).div_(_kept);
    }
}

/// <summary>One switch for all adapters of a model.</summary>
internal sealed class AdapterSwitch
{
    public bool On { get; set; } = true;

    /// <summary>Null: nothing is dropped.</summary>
    public ulong? DropoutSeed { get; set; }
}
