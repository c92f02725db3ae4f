using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>
/// The way back through a training pass. Forward, a block puts on it what its gradient needs; backward, the blocks take their things off again,
/// last first. So the gradients of what the model computes most often are written by hand: linear layers add to the gradient of their weight in
/// the same matrix product, and the kernels need one pass where torch's own needs five. The rest is left to torch (see <see cref="Island"/>).
/// </summary>
internal sealed class Tape : IDisposable
{
    private readonly Stack<torch.Tensor> _kept = new();

    /// <summary>Keeps a tensor, whatever becomes of the caller's handle.</summary>
    public void Keep(torch.Tensor tensor) => Own(tensor.alias());

    /// <summary>Takes over the handle itself, with its graph.</summary>
    public void Own(torch.Tensor tensor) => _kept.Push(tensor.DetachFromDisposeScope());

    /// <summary>What was kept last; it belongs to the current scope.</summary>
    public torch.Tensor Take()
    {
        var tensor = _kept.Pop();
        torch.CurrentDisposeScope!.Attach(tensor);
        return tensor;
    }

    /// <summary>Drops what no backward pass has taken.</summary>
    public void Dispose()
    {
        while (_kept.TryPop(out var tensor))
        {
            tensor.Dispose();
        }
    }
}
