using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>Which keys a pass may look at.</summary>
/// <param name="Mask">True where a query sees a key, broadcast to [B, 1, S, keys]; null: all, or those before it when causal.</param>
/// <param name="Causal">Each query sees the keys up to its own.</param>
internal sealed record Sight(torch.Tensor? Mask, bool Causal);

/// <summary>Attention with H query heads over K key heads, H / K queries to a key head (Ainslie et al. 2023, arXiv:2305.13245).</summary>
internal sealed class Attention(
    ModelConfig config, LinearLayer query, LinearLayer key, LinearLayer value, LinearLayer output, RmsNorm? queryNorm, RmsNorm? keyNorm)
{
    private readonly long _group = config.QueryHeads / config.KeyHeads;

    /// <param name="x">[B, S, D]</param>
    /// <param name="rows">B.</param>
    /// <param name="length">S.</param>
    /// <param name="angles">Of the S positions.</param>
    /// <param name="sight">Over all keys, the cached ones included.</param>
    /// <param name="cache">Where keys and values go and come from; null: only the S positions themselves.</param>
    /// <param name="layer">Index in the cache.</param>
    public torch.Tensor Forward(torch.Tensor x, long rows, long length, Rotary.Angles angles, Sight sight, KvCache? cache, int layer)
    {
        var queries = query.Forward(x).view(rows, length, config.QueryHeads, config.HeadSize);
        var keys = key.Forward(x).view(rows, length, config.KeyHeads, config.HeadSize);
        var values = value.Forward(x).view(rows, length, config.KeyHeads, config.HeadSize).transpose(1, 2); // [B, K, S, Dh]
        queries = angles.Turn(queryNorm?.Forward(queries) ?? queries);
        keys = angles.Turn(keyNorm?.Forward(keys) ?? keys).transpose(1, 2);                                 // [B, K, S, Dh]
        if (cache is not null)
        {
            (keys, values) = cache.Append(layer, keys, values);
        }

        var mixed = length == 1
            ? Single(queries.view(rows, config.KeyHeads, _group, config.HeadSize), keys, values, sight)
            : Many(queries.transpose(1, 2), keys, values, sight);
        return output.Forward(mixed.reshape(rows, length, config.QueryHeads * (long)config.HeadSize));
    }

    // One position: the queries of a key head stand in the place of positions, so keys are not repeated. -> [B, K, G, Dh]
    private static torch.Tensor Single(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, Sight sight) =>
        torch.nn.functional.scaled_dot_product_attention(queries, keys, values, sight.Mask);

    // -> [B, S, H, Dh]
    private torch.Tensor Many(torch.Tensor queries, torch.Tensor keys, torch.Tensor values, Sight sight) =>
        torch.nn.functional.scaled_dot_product_attention(queries, Repeat(keys), Repeat(values), sight.Mask, 0, sight.Causal).transpose(1, 2);

    private torch.Tensor Repeat(torch.Tensor heads) =>
        _group == 1 ? heads : heads.unsqueeze(2).expand(-1, -1, _group, -1, -1).flatten(1, 2);
}
