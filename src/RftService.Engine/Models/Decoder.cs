using RftService.Engine.Models.Blocks;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Models;

/// <summary>
/// The decoder that all our families share, in float32. Parameters stay separate under their Hugging Face names: a checkpoint
/// then holds exactly what was trained.
/// </summary>
internal sealed class Decoder : ICausalLm
{
    private readonly ParameterSet _parameters;
    private readonly DecoderLayer[] _layers;
    private readonly torch.Tensor _embedding;
    private readonly RmsNorm _norm;
    private readonly Rotary _rotary;
    private readonly torch.Device _device;

    /// <param name="config">The shape.</param>
    /// <param name="parameters">All its parameters; owned from here on.</param>
    /// <param name="device">Where they lie.</param>
    public Decoder(ModelConfig config, ParameterSet parameters, torch.Device device)
    {
        Config = config;
        _parameters = parameters;
        _device = device;
        _rotary = new Rotary(config, device);
        _embedding = parameters[ModelLayout.Embedding];
        HeadWeight = config.TiedEmbeddings ? _embedding : parameters[ModelLayout.Head];
        _norm = Norm(ModelLayout.FinalNorm);
        _layers = [.. Enumerable.Range(0, config.Layers).Select(index => Layer($"model.layers.{index}."))];
    }

    public ModelConfig Config { get; }

    public torch.Tensor HeadWeight { get; }

    public IReadOnlyList<(string Name, torch.Tensor Value)> Parameters => _parameters.All;

    public IReadOnlyList<(string Name, torch.Tensor Value)> Trainable => _parameters.Trainable;

    public LoraSpec? Lora => _parameters.Lora;

    public bool AdaptersEnabled
    {
        get => _parameters.Switch.On;
        set => _parameters.Switch.On = value;
    }

    public torch.Tensor Hidden(torch.Tensor tokens, torch.Tensor? padding = null)
    {
        using var scope = torch.NewDisposeScope();
        var (positions, sight) = padding is null ? (Range(0, tokens.size(1)), new Sight(null, Causal: true)) : Padded(padding);
        return Forward(tokens, positions, sight, cache: null).MoveToOuterDisposeScope();
    }

    public torch.Tensor Decode(torch.Tensor tokens, KvCache cache)
    {
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var positions = Range(cache.Length, tokens.size(1));
        var sight = cache.Sight(positions);
        if (cache.Start is { } start)
        {
            positions = positions.sub(start.unsqueeze(1)).clamp_min_(0);                // [B, S]
        }

        var hidden = Forward(tokens, positions, sight, cache);
        cache.Advance(tokens.size(1));
        return hidden.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _rotary.Dispose();
        _parameters.Dispose();
    }

    // Positions count real tokens only, so padding on either side changes nothing.
    private (torch.Tensor Positions, Sight Sight) Padded(torch.Tensor padding)
    {
        var length = padding.size(1);
        if (!padding.narrow(1, 0, 1).any().item<bool>())
        {
            // Padding on the right is never seen by what stands before it.
            return (Range(0, length), new Sight(null, Causal: true));
        }

        var real = padding.logical_not();
        var positions = real.to(torch.int64).cumsum(1).sub_(1).clamp_min_(0);            // [B, S]
        var index = torch.arange(length, device: _device);
        var before = index.unsqueeze(1).ge(index);                                       // [S, S]
        // A padding query sees itself: with no key at all its softmax would be NaN, and NaN spreads in the backward pass.
        var self = index.unsqueeze(1).eq(index);                                         // [S, S]
        var seen = before.logical_and(real.view(-1, 1, 1, length)).logical_or(self);     // [B, 1, S, S]
        return (positions, new Sight(seen, Causal: false));
    }

    private torch.Tensor Forward(torch.Tensor tokens, torch.Tensor positions, Sight sight, KvCache? cache)
    {
        var (rows, length) = (tokens.size(0), tokens.size(1));
        var angles = _rotary.At(positions);
        var stream = _embedding.index_select(0, tokens.flatten()).view(rows, length, Config.HiddenSize);
        for (var index = 0; index < _layers.Length; index++)
        {
            var next = _layers[index].Forward(stream, rows, length, angles, sight, cache, index);
            stream.Dispose();
            stream = next;
        }

        return _norm.Forward(stream);
    }

    private torch.Tensor Range(long start, long count) => torch.arange(start, start + count, device: _device).unsqueeze(0); // [1, S]

    private DecoderLayer Layer(string prefix)
    {
        LinearLayer Linear(string module, string name) => _parameters.Linear($"{prefix}{module}.{name}");
        RmsNorm? HeadNorm(string name) => Config.QueryKeyNorm ? Norm($"{prefix}self_attn.{name}.weight") : null;
        return new DecoderLayer(
            Norm(prefix + "input_layernorm.weight"),
            new Attention(
                Config,
                Linear("self_attn", "q_proj"),
                Linear("self_attn", "k_proj"),
                Linear("self_attn", "v_proj"),
                Linear("self_attn", "o_proj"),
                HeadNorm("q_norm"),
                HeadNorm("k_norm")),
            Norm(prefix + "post_attention_layernorm.weight"),
            new SwiGlu(Linear("mlp", "gate_proj"), Linear("mlp", "up_proj"), Linear("mlp", "down_proj")));
    }

    private RmsNorm Norm(string name) => new(_parameters[name], Config.NormEpsilon);
}
