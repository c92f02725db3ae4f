using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>AdamW with float32 moments. Parameters must be float32: rounding a step of 1e-6 into bfloat16 loses it.</summary>
internal sealed class AdamW : IDisposable
{
    private readonly OptimizerSpec _spec;
    private readonly Slot[] _slots;

    /// <param name="parameters">What is trained, by name, in a stable order.</param>
    /// <param name="spec">Betas, epsilon and decay.</param>
    public AdamW(IReadOnlyList<(string Name, Tensor Value)> parameters, OptimizerSpec spec)
    {
        _spec = spec;
        _slots = [.. parameters.Select(parameter => Slot.For(parameter.Name, parameter.Value))];
    }

    /// <summary>Gradients of all parameters; those that no loss has reached yet are made and are 0.</summary>
    public Tensor[] Gradients => [.. _slots.Select(slot => slot.Gradient())];

    /// <summary>The state by name, to be saved: two moments and a step counter for each parameter.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State =>
        [.. _slots.SelectMany(slot => new[]
        {
            ($"{slot.Name}.exp_avg", slot.First),
            ($"{slot.Name}.exp_avg_sq", slot.Second),
            ($"{slot.Name}.step", slot.Steps),
        })];

    /// <summary>One step on the gradients that have been accumulated.</summary>
    public void Step(double rate)
    {
        using var _ = no_grad();
        foreach (var group in _slots.GroupBy(slot => slot.Decays))
        {
            var slots = group.ToArray();
            var gradients = slots.Select(slot => slot.Gradient()).ToArray();
            FusedKernels.AdamW(
                [.. slots.Select(slot => slot.Value)],
                gradients,
                [.. slots.Select(slot => slot.First)],
                [.. slots.Select(slot => slot.Second)],
                [.. slots.Select(slot => slot.Steps)],
                rate,
                _spec,
                group.Key ? _spec.WeightDecay : 0.0);
        }
    }

    /// <summary>Sets all gradients to 0, keeping their memory.</summary>
    public void ZeroGradients()
    {
        using var _ = no_grad();
        foreach (var slot in _slots)
        {
            slot.Gradient().zero_();
        }
    }

    /// <summary>Takes over a saved state, bit for bit.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        using var _ = no_grad();
        foreach (var (name, value) in State)
        {
            if (!state.TryGetValue(name, out var saved) || !saved.shape.SequenceEqual(value.shape))
            {
                throw new InvalidDataException($"The optimizer state lacks {name} of shape [{string.Join(", ", value.shape)}].");
            }

            value.copy_(saved);
        }
    }

    public void Dispose()
    {
        foreach (var (_, value) in State)
        {
            value.Dispose();
        }
    }

    private sealed record Slot(string Name, Tensor Value, Tensor First, Tensor Second, Tensor Steps, bool Decays)
    {
        public static Slot For(string name, Tensor value) =>
            value.dtype == ScalarType.Float32
                ? new Slot(
                    name,
                    value,
                    zeros_like(value).DetachFromDisposeScope(),
                    zeros_like(value).DetachFromDisposeScope(),
                    zeros([], ScalarType.Float32, value.device).DetachFromDisposeScope(),
                    value.dim() > 1)
                : throw new InvalidOperationException($"{name} is {value.dtype}; trained parameters must be float32.");

        public Tensor Gradient()
        {
            if (Value.grad is { } present)
            {
                return present;
            }

            var made = zeros_like(Value).DetachFromDisposeScope();
            Value.grad = made;
            return made;
        }
    }
}
