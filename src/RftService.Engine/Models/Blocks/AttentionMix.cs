using RftService.Engine.Kernels;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>Softmax(q·k)·v, its parts by the cheapest way that knows what a query may see.</summary>
internal sealed class AttentionMix(ModelConfig config)
{
    private static readonly Scalar MinusInfinity = double.NegativeInfinity;
    private readonly long _group = config.QueryHeads / config.KeyHeads;
    private readonly SoftCap? _cap = SoftCap.Of(config.AttentionSoftCap);

    /// <param name="queries">[B, S, H, Dh]</param>
    /// <param name="keys">[B, K, keys, Dh]</param>
    /// <param name="values">[B, K, keys, Dh]</param>
    /// <param name="sight">What the queries see.</param>
    /// <param name="tape">Null: no gradient will be needed.</param>
    /// <returns>[B, S, H · Dh], contiguous</returns>
    public torch.Tensor Forward(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, Sight sight, Tape? tape)
    {
        var mixed = ByKernel(queries, sight)
            ? CausalAttention.Forward(queries, keys.transpose(1, 2), values.transpose(1, 2), tape)
            : Island.Forward(tape, inputs => Whole(inputs[0], inputs[1], inputs[2], sight), queries.transpose(1, 2), keys, values);
        return mixed.reshape(mixed.size(0), mixed.size(1), -1);
    }

    /// <param name="toMixed">[B, S, H, Dh], contiguous.</param>
    /// <param name="sight">As forward.</param>
    /// <param name="tape">Of the forward half.</param>
    /// <returns>Gradients of queries, keys and values, [B, S, heads, Dh], contiguous.</returns>
    public (torch.Tensor Queries, torch.Tensor Keys, torch.Tensor Values) Backward(torch.Tensor toMixed, Sight sight, Tape tape)
    {
        if (ByKernel(toMixed, sight))
        {
            return CausalAttention.Backward(toMixed, tape);
        }

        var gradients = Island.Backward(tape, toMixed, 3);
        return (Turned(gradients[0]), Turned(gradients[1]), Turned(gradients[2]));
    }

    private bool ByKernel(torch.Tensor x, Sight sight) => sight.Causal && _cap is null && CausalAttention.Takes(x.size(3)) && HostRows.Hold(x);

    // -> [B, S, H, Dh]
    private torch.Tensor Whole(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, Sight sight)
    {
        if (queries.size(2) == 1)
        {
            // One position: the queries of a key head stand in the place of positions, so keys are not repeated.
            var (rows, heads) = (queries.size(0), queries.size(1));
            return Scored(queries.reshape(rows, heads / _group, _group, -1), keys, values, sight.Mask, causal: false).reshape(rows, 1, heads, -1);
        }

        return Scored(queries, Repeat(keys), Repeat(values), sight.Mask, sight.Causal).transpose(1, 2);
    }

    private torch.Tensor Scored(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, torch.Tensor? mask, bool causal)
    {
        if (_cap is null)
        {
            return torch.nn.functional.scaled_dot_product_attention(queries, keys, values, mask, 0, causal);
        }

        // No fused kernel knows a soft cap.
        mask = causal ? torch.ones(queries.size(2), queries.size(2), torch.@bool, queries.device).tril() : mask;
        var scores = _cap.Apply(queries.matmul(keys.transpose(2, 3)));
        scores = mask is null ? scores : scores.masked_fill(mask.logical_not(), MinusInfinity);
        return scores.softmax(-1).matmul(values);
    }

    private torch.Tensor Repeat(torch.Tensor heads) =>
        _group == 1 ? heads : heads.unsqueeze(2).expand(-1, -1, _group, -1, -1).flatten(1, 2);

    // [B, heads, S, Dh] -> [B, S, heads, Dh]
    private static torch.Tensor Turned(torch.Tensor heads) => heads.transpose(1, 2).contiguous();
}
