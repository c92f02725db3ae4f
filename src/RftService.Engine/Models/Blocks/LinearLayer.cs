using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>x·Wᵀ + b, plus (alpha / r)·B·A·x where an adapter is present and switched on.</summary>
internal sealed class LinearLayer(torch.Tensor weight, torch.Tensor? bias, LowRank? adapter)
{
    public torch.Tensor Forward(torch.Tensor x)
    {
        var y = torch.nn.functional.linear(x, weight, bias);
        return adapter is { Switch.On: true } ? y.add(adapter.Forward(x)) : y;
    }
}

/// <summary>The low-rank half of a linear layer: A is [r, in], B is [out, r].</summary>
internal sealed record LowRank(torch.Tensor A, torch.Tensor B, double Scale, AdapterSwitch Switch)
{
    public torch.Tensor Forward(torch.Tensor x) =>
        torch.nn.functional.linear(torch.nn.functional.linear(x, A), B).mul_(Scale);
}

/// <summary>One switch for all adapters of a model.</summary>
internal sealed class AdapterSwitch
{
    public bool On { get; set; } = true;
}
