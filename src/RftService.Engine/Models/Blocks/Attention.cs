using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Models.Blocks;

/// <summary>Attention with H query heads over K key heads, H / K queries to a key head (Ainslie et al. 2023, arXiv:2305.13245).</summary>
/// <param name="config">The shape.</param>
/// <param name="projection">Queries, keys, values.</param>
/// <param name="output">Back to the stream.</param>
/// <param name="queryNorm">Per head; null: none.</param>
/// <param name="keyNorm">Per head; null: none.</param>
internal sealed class Attention(ModelConfig config, Projection projection, LinearLayer output, RmsNorm? queryNorm, RmsNorm? keyNorm)
{
    private readonly AttentionMix _mix = new(config);
    private readonly Scalar? _queryScale = QueryScale(config);

    // What is left to do when the queries have been scaled: torch's kernel does it by itself.
    private readonly double _scoreScale = config.AttentionSoftCap is null ? 1 / Math.Sqrt(config.HeadSize) : 1;

    /// <param name="x">[B, S, D]</param>
    /// <param name="view">Angles of the S positions, and sight over all keys, the cached ones included.</param>
    /// <param name="pass">Where keys and values go and come from; null: only the S positions themselves.</param>
    /// <param name="layer">Index in the cache.</param>
    /// <param name="tape">Null: no gradient will be needed. With one there is no <paramref name="pass"/>.</param>
    /// <returns>[B, S, D]</returns>
    public torch.Tensor Forward(torch.Tensor x, LayerView view, KvPass? pass, int layer, Tape? tape)
    {
        var (rows, length) = (x.size(0), x.size(1));
        var parts = projection.Forward(x, tape);
        var queries = parts[0].view(rows, length, config.QueryHeads, config.HeadSize);
        var keys = parts[1].view(rows, length, config.KeyHeads, config.HeadSize);
        var values = parts[2].view(rows, length, config.KeyHeads, config.HeadSize).transpose(1, 2);        // [B, K, S, Dh]
        queries = queryNorm?.Forward(queries, tape) ?? queries;
        keys = keyNorm?.Forward(keys, tape) ?? keys;
        queries = view.Angles?.Turn_(queries) ?? queries;
        keys = (view.Angles?.Turn_(keys) ?? keys).transpose(1, 2);                                         // [B, K, S, Dh]
        queries = _queryScale is { } scale ? queries.mul_(scale) : queries;
        var mixed = pass?.Attend(layer, queries, ref keys, ref values, view.Sight, _scoreScale, config.AttentionSoftCap)
            ?? _mix.Forward(queries, keys, values, view.Sight, tape);                                      // [B, S, H · Dh]
        var y = output.Forward(mixed, tape);
        tape?.Keep(mixed);
        return y;
    }

    /// <param name="toOutput">∂L/∂y, [B, S, D].</param>
    /// <param name="view">As forward.</param>
    /// <param name="tape">Of the forward half.</param>
    /// <returns>∂L/∂x, [B, S, D]</returns>
    public torch.Tensor Backward(torch.Tensor toOutput, LayerView view, Tape tape)
    {
        var (rows, length) = (toOutput.size(0), toOutput.size(1));
        var toMixed = output.Backward(toOutput, tape.Take(), toInput: null, tape).view(rows, length, config.QueryHeads, config.HeadSize);
        var (queries, keys, values) = _mix.Backward(toMixed, view.Sight, tape);                            // [B, S, heads, Dh]
        queries = _queryScale is { } scale ? queries.mul_(scale) : queries;
        keys = view.Angles?.TurnBack_(keys) ?? keys;
        queries = view.Angles?.TurnBack_(queries) ?? queries;
        keys = keyNorm?.Backward(keys, tape) ?? keys;
        queries = queryNorm?.Backward(queries, tape) ?? queries;
        return projection.Backward([queries.flatten(2), keys.flatten(2), values.flatten(2)], tape);
    }

    // Torch's kernel always divides by √Dh, so another scale goes into the queries before it.
    private static Scalar? QueryScale(ModelConfig config)
    {
        var usual = 1 / Math.Sqrt(config.HeadSize);
        return config.AttentionSoftCap is not null ? (Scalar)(config.AttentionScale ?? usual)
            : config.AttentionScale is { } own && own != usual ? (Scalar)(own / usual)
            : null;
    }
}
