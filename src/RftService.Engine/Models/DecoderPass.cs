using RftService.Engine.Models.Blocks;
using TorchSharp;

namespace RftService.Engine.Models;

/// <summary>
/// A training pass through the layers. Where activations are computed again, it keeps the input of each layer and nothing inside it, and on the way
/// back each layer is computed a second time (Chen et al. 2016, arXiv:1604.06174).
/// </summary>
internal sealed class DecoderPass : ITrainingPass
{
    private readonly IReadOnlyList<(DecoderLayer Layer, LayerView View)> _layers;
    private readonly RmsNorm _norm;
    private readonly Action<torch.Tensor>? _embeddingBackward;
    private readonly int _first;
    private readonly bool _recompute;
    private readonly Tape _tape = new();

    /// <summary>Runs the layers; the hidden states belong to the current dispose scope.</summary>
    /// <param name="embedded">Input of the first layer, [B, S, D]; disposed here.</param>
    /// <param name="layers">With what each sees. The views must live as long as this pass.</param>
    /// <param name="norm">What follows the last layer.</param>
    /// <param name="firstTrained">The lowest layer that a gradient must reach.</param>
    /// <param name="embeddingBackward">Takes the gradient of <paramref name="embedded"/>; null: nothing before the layers is trained.</param>
    /// <param name="recompute">Whether each layer is computed a second time.</param>
    public DecoderPass(
        torch.Tensor embedded, IReadOnlyList<(DecoderLayer Layer, LayerView View)> layers, RmsNorm norm, int firstTrained,
        Action<torch.Tensor>? embeddingBackward, bool recompute)
    {
        (_layers, _norm, _first, _embeddingBackward, _recompute) = (layers, norm, firstTrained, embeddingBackward, recompute);
        try
        {
            var stream = embedded;
            for (var index = 0; index < layers.Count; index++)
            {
                if (recompute && index >= _first)
                {
                    _tape.Keep(stream);
                }

                var next = layers[index].Layer.Forward(stream, layers[index].View, pass: null, index, recompute || index < _first ? null : _tape);
                stream.Dispose();
                stream = next;
            }

            Hidden = norm.Forward(stream, _tape);
            stream.Dispose();
        }
        catch
        {
            _tape.Dispose();
            throw;
        }
    }

    public torch.Tensor Hidden { get; }

    public void Backward(torch.Tensor toHidden)
    {
        using var gradientOff = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var gradient = _norm.Backward(toHidden, _tape);
        for (var index = _layers.Count - 1; index >= _first; index--)
        {
            var next = Backward(gradient, index);
            gradient.Dispose();
            gradient = next;
        }

        _embeddingBackward?.Invoke(gradient);
    }

    public void Dispose() => _tape.Dispose();

    private torch.Tensor Backward(torch.Tensor gradient, int index)
    {
        var (layer, view) = _layers[index];
        if (!_recompute)
        {
            return layer.Backward(gradient, view, _tape);
        }

        using var scope = torch.NewDisposeScope();
        using var tape = new Tape();
        layer.Forward(_tape.Take(), view, pass: null, index, tape).Dispose();
        return layer.Backward(gradient, view, tape).MoveToOuterDisposeScope();
    }
}
