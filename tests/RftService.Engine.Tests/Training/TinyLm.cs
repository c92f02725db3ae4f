using System.Runtime.InteropServices;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

/// <summary>The smallest causal model with a tied head: each position sees the mean of the embeddings so far.</summary>
internal sealed class TinyLm : ICausalLm
{
    private readonly torch.Tensor _embedding;
    private readonly torch.Tensor _mix;

    public TinyLm(int vocabulary = 13, int width = 6)
    {
        using var generator = new torch.Generator(7); // tests beside each other would disturb the global one
        _embedding = torch.randn([vocabulary, width], generator: generator).requires_grad_().DetachFromDisposeScope();
        _mix = torch.randn([width, width], generator: generator).requires_grad_().DetachFromDisposeScope();
        Parameters = [("embedding", _embedding), ("mix", _mix)];
    }

    /// <summary>Rows above this memory "does not hold".</summary>
    public int MaxPositions { get; init; } = int.MaxValue;

    public int Passes { get; private set; }

    public ModelConfig Config { get; } = new()
    {
        Family = "tiny",
        VocabularySize = 13,
        HiddenSize = 6,
        IntermediateSize = 6,
        Attention = [],
        QueryHeads = 1,
        KeyHeads = 1,
        HeadSize = 6,
        ContextLength = 64,
        NormEpsilon = 1e-6,
    };

    public torch.Tensor HeadWeight => _embedding;

    public IReadOnlyList<(string Name, torch.Tensor Value)> Parameters { get; }

    public IReadOnlyList<(string Name, torch.Tensor Value)> Trainable => Parameters;

    public LoraSpec? Lora => null;

    public bool AdaptersEnabled { get; set; }

    public ulong? DropoutSeed { get; set; }

    public torch.Tensor Hidden(torch.Tensor tokens, torch.Tensor? padding = null)
    {
        Passes++;
        if (tokens.numel() > MaxPositions)
        {
#pragma warning disable CA2201 // what TorchSharp throws
            throw new ExternalException("CUDA out of memory. Tried to allocate 20.00 GiB");
#pragma warning restore CA2201
        }

        var embedded = _embedding.index_select(0, tokens.flatten()).view(tokens.shape[0], tokens.shape[1], -1);
        var count = torch.arange(1, tokens.shape[1] + 1, torch.ScalarType.Float32).view(1, -1, 1);
        return (embedded.cumsum(1) / count).matmul(_mix).tanh();
    }

    public ITrainingPass Train(torch.Tensor tokens, torch.Tensor? padding = null, bool recompute = false) => new Pass(Hidden(tokens, padding));

    public torch.Tensor Decode(torch.Tensor tokens, KvCache cache, IReadOnlyList<KvRow> rows, IReadOnlyList<int>? counts = null) =>
        throw new NotSupportedException();

    public void Dispose()
    {
        _embedding.Dispose();
        _mix.Dispose();
    }

    private sealed class Pass(torch.Tensor hidden) : ITrainingPass
    {
        public torch.Tensor Hidden { get; } = hidden.detach();

        public void Backward(torch.Tensor toHidden) => hidden.backward([toHidden]);

        public void Dispose() => hidden.Dispose();
    }
}
