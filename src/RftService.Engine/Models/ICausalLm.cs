using TorchSharp;

namespace RftService.Engine.Models;

/// <summary>
/// A decoder-only language model with its head split off: the head is by far the widest matrix, so it is applied in chunks
/// and the full logits of a batch never exist.
/// </summary>
public interface ICausalLm : IDisposable
{
    /// <summary>The shape of the model.</summary>
    ModelConfig Config { get; }

    /// <summary>The output matrix, [V, D]; the same tensor as the token embedding when the two are tied.</summary>
    torch.Tensor HeadWeight { get; }

    /// <summary>
    /// Hidden states after the final norm, no gradient attached. Rows may be padded on either side.
    /// </summary>
    /// <param name="tokens">Token ids, int64 [B, S].</param>
    /// <param name="padding">True where a position is padding, bool [B, S]; null when no row is padded.</param>
    /// <returns>[B, S, D]</returns>
    torch.Tensor Hidden(torch.Tensor tokens, torch.Tensor? padding = null);

    /// <summary>As <see cref="Hidden"/>, and with a way back from the gradient.</summary>
    /// <param name="tokens">Token ids, int64 [B, S].</param>
    /// <param name="padding">True where a position is padding, bool [B, S]; null when no row is padded.</param>
    /// <param name="recompute">Keeps little of the forward half and computes it again on the way back.</param>
    /// <returns>Its hidden states and what it holds beside the tape belong to the current dispose scope.</returns>
    ITrainingPass Train(torch.Tensor tokens, torch.Tensor? padding = null, bool recompute = false);

    /// <summary>Hidden states of new positions, storing their keys and values in the cache; no gradient.</summary>
    /// <param name="tokens">Token ids, int64 [R, S]; each row goes on at its own length.</param>
    /// <param name="cache">Holds everything before.</param>
    /// <param name="rows">R rows of the cache, which grow.</param>
    /// <param name="counts">New positions of each row, the rest being padding on the right; null: all have S.</param>
    /// <returns>[R, S, D]</returns>
    torch.Tensor Decode(torch.Tensor tokens, Rollouts.KvCache cache, IReadOnlyList<Rollouts.KvRow> rows, IReadOnlyList<int>? counts = null);

    /// <summary>Parameters by their Hugging Face names (adapters by PEFT's names), in a stable order; a tied matrix appears once.</summary>
    IReadOnlyList<(string Name, torch.Tensor Value)> Parameters { get; }

    /// <summary>The parameters that are trained: the adapters if there are any, else all that are not frozen.</summary>
    IReadOnlyList<(string Name, torch.Tensor Value)> Trainable { get; }

    /// <summary>The adapters of this model; null when it is trained whole.</summary>
    LoraSpec? Lora { get; }

    /// <summary>Switches adapters off (the frozen base) or on again. No effect on a model without adapters.</summary>
    bool AdaptersEnabled { get; set; }

    /// <summary>
    /// Set for a training pass: adapters with dropout leave out inputs by masks that follow from it. Null, as at first: nothing is left out.
    /// </summary>
    ulong? DropoutSeed { get; set; }
}
