using RftService.Engine.Models;
using static TorchSharp.torch;

namespace RftService.Bench;

/// <summary>
/// The comparison: the usual first version of cached decoding. Keys and values grow by concatenation at every token and are
/// repeated for grouped queries.
/// </summary>
internal sealed class GrowingCacheDecoder : IDisposable
{
    private readonly Dictionary<string, Tensor> _weights;
    private readonly ModelConfig _config;
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;

    /// <summary>Rows that lie at a context of made-up keys and values.</summary>
    public GrowingCacheDecoder(ICausalLm model, int rows, int context)
    {
        _weights = model.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value);
        (_config, Length) = (model.Config, context);
        _keys = [.. Enumerable.Range(0, _config.Layers).Select(_ => MadeUp())];
        _values = [.. Enumerable.Range(0, _config.Layers).Select(_ => MadeUp())];

        Tensor MadeUp() => randn(rows, _config.KeyHeads, context, _config.HeadSize).DetachFromDisposeScope();
    }

    public int Length { get; private set; }

    /// <summary>Hidden states of new positions, [B, S] to [B, S, D].</summary>
    public Tensor Decode(Tensor tokens)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        var (rows, count) = (tokens.size(0), tokens.size(1));
        var half = _config.HeadSize / 2;
        var frequencies = pow(_config.Attention[0].Rope!.Theta, arange(0, half).to(float32) * (-2.0 / _config.HeadSize));
        var angles = arange(Length, Length + count).to(float32).unsqueeze(1) * frequencies;            // [S, Dh/2]
        var (cosine, sine) = (cat([angles.cos(), angles.cos()], -1), cat([angles.sin(), angles.sin()], -1));

        var stream = _weights["model.embed_tokens.weight"].index_select(0, tokens.flatten()).view(rows, count, -1);
        for (var layer = 0; layer < _config.Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            var x = Norm(stream, prefix + "input_layernorm.weight");
            var queries = Turn(Heads(x, prefix + "self_attn.q_proj.weight", _config.QueryHeads));
            var keys = Turn(Heads(x, prefix + "self_attn.k_proj.weight", _config.KeyHeads));
            var values = Heads(x, prefix + "self_attn.v_proj.weight", _config.KeyHeads);
            _keys[layer] = Grow(_keys[layer], keys);
            _values[layer] = Grow(_values[layer], values);
            var group = _config.QueryHeads / _config.KeyHeads;
            var attended = nn.functional.scaled_dot_product_attention(
                queries, _keys[layer].repeat_interleave(group, 1), _values[layer].repeat_interleave(group, 1), is_casual: count > 1);
            stream = stream + Linear(attended.transpose(1, 2).reshape(rows, count, -1), prefix + "self_attn.o_proj.weight");
            var y = Norm(stream, prefix + "post_attention_layernorm.weight");
            var gate = nn.functional.silu(Linear(y, prefix + "mlp.gate_proj.weight")) * Linear(y, prefix + "mlp.up_proj.weight");
            stream = stream + Linear(gate, prefix + "mlp.down_proj.weight");
        }

        Length += (int)count;
        return Norm(stream, "model.norm.weight").MoveToOuterDisposeScope();

        Tensor Heads(Tensor x, string name, int heads) => Linear(x, name).view(rows, count, heads, -1).transpose(1, 2);
        Tensor Turn(Tensor x) => (x * cosine) + (cat([-x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1) * sine);
    }

    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values))
        {
            tensor.Dispose();
        }
    }

    private static Tensor Grow(Tensor before, Tensor added)
    {
        var grown = cat([before, added], 2);
        before.Dispose();
        return grown.DetachFromDisposeScope();
    }

    private Tensor Linear(Tensor x, string name) => nn.functional.linear(x, _weights[name]);

    private Tensor Norm(Tensor x, string name) => x * (x.pow(2).mean([-1], keepdim: true) + _config.NormEpsilon).rsqrt() * _weights[name];
}
