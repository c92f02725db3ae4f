using RftService.Engine.Models.Blocks;
using RftService.Engine.Native;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Models;

/// <summary>
/// The decoder that all our families share. Parameters stay separate under their Hugging Face names: a checkpoint then holds
/// exactly what was trained.
/// </summary>
internal sealed class Decoder : ICausalLm
{
    private readonly ParameterSet _parameters;
    private readonly LayerAttention[] _kinds;   // what layers have in common is made once a pass
    private readonly Rotary?[] _rotaries;       // one a kind
    private readonly int[] _kindOf;             // one a layer
    private readonly DecoderLayer[] _layers;
    private readonly torch.Tensor _embedding;
    private readonly Scalar? _embeddingScale;
    private readonly RmsNorm _norm;
    private readonly torch.Device _device;

    /// <param name="config">The shape.</param>
    /// <param name="parameters">All its parameters; owned from here on.</param>
    /// <param name="device">Where they lie.</param>
    public Decoder(ModelConfig config, ParameterSet parameters, torch.Device device)
    {
        Config = config;
        _parameters = parameters;
        _device = device;
        _embedding = parameters[ModelLayout.Embedding];
        HeadWeight = config.TiedEmbeddings ? _embedding : parameters[ModelLayout.Head];
        _kinds = [.. config.Attention.Distinct()];
        _kindOf = [.. config.Attention.Select(layer => Array.IndexOf(_kinds, layer))];
        _rotaries = [.. _kinds.Select(kind => kind.Rope is { } rope ? new Rotary(rope, config.HeadSize, _embedding.dtype, device) : null)];
        _embeddingScale = config.EmbeddingScale is { } scale ? Rounded(scale, _embedding.dtype) : null;
        _norm = Norm(ModelLayout.FinalNorm);
        _layers = [.. Enumerable.Range(0, config.Layers).Select(index => Layer(LayerPrefix(index)))];
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

    public ulong? DropoutSeed
    {
        get => _parameters.Switch.DropoutSeed;
        set => _parameters.Switch.DropoutSeed = value;
    }

    public torch.Tensor Hidden(torch.Tensor tokens, torch.Tensor? padding = null)
    {
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var (positions, sight) = Places(tokens, padding);
        return Forward(tokens, positions, sight, pass: null).MoveToOuterDisposeScope();
    }

    public ITrainingPass Train(torch.Tensor tokens, torch.Tensor? padding = null, bool recompute = false)
    {
        using var gradientOff = torch.no_grad();
        var (positions, sight) = Places(tokens, padding);
        var views = Views(positions, sight);
        return new DecoderPass(
            Embedded(tokens),
            [.. _layers.Select((layer, index) => (layer, views[_kindOf[index]]))],
            _norm,
            FirstTrained(),
            _embedding.requires_grad ? gradient => EmbeddingBackward(tokens, gradient) : null,
            recompute);
    }

    public torch.Tensor Decode(torch.Tensor tokens, KvCache cache, IReadOnlyList<KvRow> rows, IReadOnlyList<int>? counts = null)
    {
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var pass = new KvPass(cache, rows, (int)tokens.size(1), counts);
        var hidden = Forward(tokens, pass.Positions, kind => pass.Sight(kind.Window), pass);
        pass.End();
        return hidden.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var rotary in _rotaries)
        {
            rotary?.Dispose();
        }

        _parameters.Dispose();
    }

    private (torch.Tensor Positions, Func<LayerAttention, Sight> Sight) Places(torch.Tensor tokens, torch.Tensor? padding)
    {
        var length = tokens.size(1);
        // Padding on the right is never seen by what stands before it.
        var real = padding is not null && padding.narrow(1, 0, 1).any().item<bool>() ? padding.logical_not() : null;
        // Positions count real tokens only, so padding on either side changes nothing.
        var positions = real?.to(torch.int64).cumsum(1).sub_(Constant.Of(1)).clamp_min_(Constant.Of(0)) ?? Range(0, length);      // [B, S]
        return (positions, kind => Sight.Of(length, kind.Window, real, _device));
    }

    private torch.Tensor Forward(torch.Tensor tokens, torch.Tensor positions, Func<LayerAttention, Sight> sight, KvPass? pass)
    {
        var views = Views(positions, sight);
        var stream = Embedded(tokens);
        for (var index = 0; index < _layers.Length; index++)
        {
            var next = _layers[index].Forward(stream, views[_kindOf[index]], pass, index, tape: null);
            stream.Dispose();
            stream = next;
        }

        return _norm.Forward(stream, tape: null);
    }

    private LayerView[] Views(torch.Tensor positions, Func<LayerAttention, Sight> sight) =>
        [.. _kinds.Select((kind, index) => new LayerView(_rotaries[index]?.At(positions), sight(kind)))];

    private torch.Tensor Embedded(torch.Tensor tokens)
    {
        var stream = _embedding.index_select(0, tokens.flatten()).view(tokens.size(0), tokens.size(1), Config.HiddenSize);
        return _embeddingScale is { } scale ? stream.mul_(scale) : stream;
    }

    private void EmbeddingBackward(torch.Tensor tokens, torch.Tensor gradient)
    {
        var rows = gradient.flatten(0, 1);                                                                  // [B · S, D]
        ParameterGradient.Of(_embedding).index_add_(0, tokens.flatten(), rows, _embeddingScale ?? Constant.Of(1));
    }

    // Below it no gradient is needed.
    private int FirstTrained()
    {
        if (_embedding.requires_grad)
        {
            return 0;
        }

        var first = Enumerable.Range(0, _layers.Length)
            .TakeWhile(index => !Trainable.Any(parameter => parameter.Name.Contains(LayerPrefix(index), StringComparison.Ordinal))).Count();
        return first;
    }

    private torch.Tensor Range(long start, long count) => Constant.Range(start, count, _device).unsqueeze(0); // [1, S]

    private static string LayerPrefix(int index) => $"model.layers.{index}.";

    private DecoderLayer Layer(string prefix)
    {
        LinearLayer Linear(string name) => _parameters.Linear(prefix + name);
        RmsNorm? HeadNorm(string name) => Config.QueryKeyNorm ? Norm($"{prefix}self_attn.{name}.weight") : null;
        RmsNorm? PostNorm(string name) => Config.PostNorms ? Norm($"{prefix}{name}.weight") : null;
        long query = (long)Config.QueryHeads * Config.HeadSize, key = (long)Config.KeyHeads * Config.HeadSize;
        return new DecoderLayer(
            Norm(prefix + "input_layernorm.weight"),
            new Attention(
                Config,
                Config.FusedProjections
                    ? Projection.Fused(Linear("self_attn.qkv_proj"), query, key, key)
                    : Projection.Separate(Linear("self_attn.q_proj"), Linear("self_attn.k_proj"), Linear("self_attn.v_proj")),
                Linear("self_attn.o_proj"),
                HeadNorm("q_norm"),
                HeadNorm("k_norm")),
            PostNorm("post_attention_layernorm"),
            // The same name for another place: Llama's second norm stands before the feed-forward block, Gemma's behind the attention.
            Norm(prefix + (Config.PostNorms ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight")),
            new FeedForward(
                Config.Gate,
                Config.FusedProjections
                    ? Projection.Fused(Linear("mlp.gate_up_proj"), Config.IntermediateSize, Config.IntermediateSize)
                    : Projection.Separate(Linear("mlp.gate_proj"), Linear("mlp.up_proj")),
                Linear("mlp.down_proj")),
            PostNorm("post_feedforward_layernorm"));
    }

    private RmsNorm Norm(string name) => new(_parameters[name], Config.NormEpsilon, Config.NormOffset);

    // √3072 is 55.5 in bfloat16, and that is what Gemma was trained with.
    private static Scalar Rounded(double value, torch.ScalarType dtype)
    {
        using var rounded = torch.tensor(value, dtype);
        using var wide = rounded.to(torch.float64);
        return wide.item<double>();
    }
}
