using TorchSharp;

namespace RftService.Engine.Models;

/// <summary>Hidden states and the way back from their gradient into the weights. Once there, or disposed, it is used up.</summary>
public interface ITrainingPass : IDisposable
{
    /// <summary>After the final norm, no gradient attached, [B, S, D].</summary>
    torch.Tensor Hidden { get; }

    /// <summary>Adds to the gradients of all trained parameters but the head's.</summary>
    /// <param name="toHidden">∂L/∂hidden, [B, S, D].</param>
    void Backward(torch.Tensor toHidden);
}
