using RftService.Engine.Kernels;
using RftService.Engine.Models.Blocks;
using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>
/// Log-probs of given tokens from hidden states, in float32 and in chunks, with a backward pass by hand: the logits of a whole
/// batch (N × V) never exist, neither forward nor backward. The caller's loss is a function of the log-probs alone, so its
/// gradient k = ∂L/∂logp is all that comes back. What fits into one chunk keeps its softmax; otherwise it is computed again.
/// </summary>
internal sealed class LmHead : IDisposable
{
    /// <summary>Logits of a chunk: 128 MB in float32, where the detour over chunks costs about 2 % of a step.</summary>
    private const int ChunkElements = 32 * 1024 * 1024;

    private readonly Tensor _hidden;
    private readonly Tensor _weight;
    private readonly Tensor _targets;
    private readonly double _temperature;
    private readonly double? _softCap;
    private readonly int _chunk;
    private readonly TokenDraws? _draws;
    private Tensor? _softmax;

    /// <summary>Computes the log-probs; what they need later is kept until disposal.</summary>
    /// <param name="hidden">Hidden states that predict the targets, detached, [N, D].</param>
    /// <param name="weight">Output matrix, [V, D].</param>
    /// <param name="targets">Token ids, int64 [N].</param>
    /// <param name="temperature">Divides the logits.</param>
    /// <param name="keepSoftmax">True when <see cref="Backward"/> will be called.</param>
    /// <param name="chunk">Positions at a time; null: as many as fit into about 128 MB.</param>
    /// <param name="draws">Tokens to draw at each position; null: none.</param>
    /// <param name="softCap">Logits z become c · tanh(z / c) before the temperature; null: they stay.</param>
    public LmHead(
        Tensor hidden, Tensor weight, Tensor targets, double temperature, bool keepSoftmax, int? chunk = null, double? softCap = null,
        TokenDraws? draws = null)
    {
        using var _ = no_grad();
        (_temperature, _softCap, _draws) = (temperature, softCap, draws);
        _chunk = chunk ?? Math.Max(64, ChunkElements / (int)weight.shape[0]);
        using var scope = NewDisposeScope();
        _weight = weight.detach().to_type(ScalarType.Float32).DetachFromDisposeScope();
        _hidden = hidden.detach().to_type(ScalarType.Float32).DetachFromDisposeScope();
        _targets = targets.alias().DetachFromDisposeScope();
        var count = (int)targets.shape[0];
        LogProbs = empty([count], ScalarType.Float32, hidden.device).DetachFromDisposeScope();
        Entropy = empty([count], ScalarType.Float32, hidden.device).DetachFromDisposeScope();
        Drawn = draws is null ? null : empty([count, draws.Count], ScalarType.Int64, hidden.device).DetachFromDisposeScope();
        DrawnLogProbs = draws is null ? null : empty([count, draws.Count], ScalarType.Float32, hidden.device).DetachFromDisposeScope();
        for (var start = 0; start < count; start += _chunk)
        {
            var length = Math.Min(_chunk, count - start);
            // Behind a soft cap the softmax alone does not lead back to the logits.
            Forward(start, length, keepSoftmax && length == count && softCap is null);
        }
    }

    /// <summary>log π of the targets, no gradient attached, [N].</summary>
    public Tensor LogProbs { get; }

    /// <summary>Entropy of the whole distribution at each position, in nats, [N].</summary>
    public Tensor Entropy { get; }

    /// <summary>Tokens drawn at each position, [N, K]; null when none were asked for.</summary>
    public Tensor? Drawn { get; }

    /// <summary>log π of the drawn tokens, no gradient attached, [N, K].</summary>
    public Tensor? DrawnLogProbs { get; }

    /// <summary>Gradient of the loss to the hidden states; that to the output matrix, when it is trained, is added to <paramref name="weight"/>'s own.</summary>
    /// <param name="gradient">k = ∂L/∂logp, [N].</param>
    /// <param name="weight">The parameter that was given to the constructor.</param>
    /// <param name="drawnGradient">The same for the drawn tokens, [N, K]; null: the loss does not depend on them.</param>
    /// <returns>[N, D]</returns>
    public Tensor Backward(Tensor gradient, Tensor weight, Tensor? drawnGradient = null)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var toHidden = empty_like(_hidden);                                                     // [N, D]
        var count = (int)_targets.shape[0];
        for (var start = 0; start < count; start += _chunk)
        {
            using var chunkScope = NewDisposeScope();
            var length = Math.Min(_chunk, count - start);
            var hidden = _hidden.narrow(0, start, length);                                      // [C, D]
            var targets = _targets.narrow(0, start, length).unsqueeze(1);                       // [C, 1]
            var k = gradient.narrow(0, start, length).unsqueeze(1) / Constant.Of(_temperature); // [C, 1]

            // ∂logp/∂z = (onehot − softmax) / temperature
            var logits = _softmax is null ? Logits(hidden) : null;                              // [C, V]
            var toLogits = _softmax ?? logits!.softmax(1);                                      // [C, V]
            Tensor? factor = null;                                                              // of each row, [C, 1]
            if (drawnGradient is null)
            {
                // The rows' factors go to the two narrow sides of what follows, which spares a pass over [C, V].
                factor = -k;
                toLogits.scatter_add_(1, targets, full_like(k, Constant.Of(-1)));
            }
            else
            {
                var drawn = drawnGradient.narrow(0, start, length) / Constant.Of(_temperature); // [C, K]
                toLogits.mul_(-k.Plus(drawn.sum(1, keepdim: true)));
                toLogits.scatter_add_(1, targets, k);
                toLogits.scatter_add_(1, Drawn!.narrow(0, start, length), drawn);
            }

            if (_softCap is { } cap)
            {
                // d c·tanh(z / c) / dz = 1 − tanh², and tanh is the capped logit over c.
                toLogits.mul_((logits! * Constant.Of(_temperature / cap)).Squared().OneMinus());
            }

            var toThese = toLogits.matmul(_weight);                                             // [C, D]
            toHidden.narrow(0, start, length).copy_(factor is null ? toThese : toThese.mul_(factor));
            ParameterGradient.AddProduct(weight, toLogits, factor is null ? hidden : hidden.mul(factor));
        }

        _softmax?.Dispose(); // overwritten above: a second backward pass would be wrong
        _softmax = null;
        return toHidden.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _softmax?.Dispose();
        _hidden.Dispose();
        _weight.Dispose();
        _targets.Dispose();
        LogProbs.Dispose();
        Entropy.Dispose();
        Drawn?.Dispose();
        DrawnLogProbs?.Dispose();
    }

    private void Forward(int start, int length, bool keepSoftmax)
    {
        using var scope = NewDisposeScope();
        var logits = Logits(_hidden.narrow(0, start, length));                                  // [C, V]
        if (_draws is null && HostRows.Hold(logits))
        {
            SoftmaxKernel.Run(logits, _targets.narrow(0, start, length), LogProbs.narrow(0, start, length), Entropy.narrow(0, start, length));
            _softmax = keepSoftmax ? logits.DetachFromDisposeScope() : null;
            return;
        }

        var total = logits.logsumexp(1, keepdim: true);                                         // [C, 1]
        var target = logits.gather(1, _targets.narrow(0, start, length).unsqueeze(1));          // [C, 1]
        LogProbs.narrow(0, start, length).copy_((target - total).squeeze(1));

        if (_draws is { } draws)
        {
            var upTo = (logits / Constant.Of(draws.Temperature)).softmax(1).cumsum(1);          // [C, V]
            var last = upTo.shape[1] - 1;
            var drawn = searchsorted(upTo, draws.Uniforms.narrow(0, start, length) * upTo.narrow(1, last, 1), right: true)
                .clamp_max_(Constant.Of(last));                                                 // [C, K]
            Drawn!.narrow(0, start, length).copy_(drawn);
            DrawnLogProbs!.narrow(0, start, length).copy_(logits.gather(1, drawn) - total);
        }

        // H = lse − Σ p z
        var softmax = (logits - total).exp_();                                                  // [C, V]
        Entropy.narrow(0, start, length).copy_(total.squeeze(1) - logits.mul_(softmax).sum(1));
        if (keepSoftmax)
        {
            _softmax = softmax.DetachFromDisposeScope();
        }
    }

    private Tensor Logits(Tensor hidden)
    {
        var logits = hidden.matmul(_weight.t());
        var capped = SoftCap.Of(_softCap)?.Apply(logits) ?? logits;
        return _temperature == 1 ? capped : capped.div_(Constant.Of(_temperature));
    }
}
