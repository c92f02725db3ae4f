using RftService.Engine.Models.Blocks;
using static TorchSharp.torch;

namespace RftService.Engine.Training.Optimizers;

/// <summary>
/// Moves parameters against their accumulated gradients. Its state is saved beside the weights, as `trainer/optimizer.safetensors`
/// with the names that <see cref="State"/> gives, and goes on bit for bit.
/// </summary>
internal abstract class Optimizer : IDisposable
{
    /// <param name="parameters">What is trained, by name, in a stable order.</param>
    protected Optimizer(IReadOnlyList<(string Name, Tensor Value)> parameters) =>
        Parameters = [.. parameters.Select(parameter => new TrainedParameter(parameter.Name, parameter.Value))];

    /// <summary>Gradients of all parameters; those that no loss has reached yet are made and are 0.</summary>
    public Tensor[] Gradients => [.. Parameters.Select(parameter => parameter.Gradient())];

    /// <summary>The state by name, to be saved.</summary>
    public abstract IReadOnlyList<(string Name, Tensor Value)> State { get; }

    protected IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>One step on the gradients that have been accumulated.</summary>
    public abstract void Step(double rate);

    /// <summary>Sets all gradients to 0, keeping their memory.</summary>
    public void ZeroGradients()
    {
        foreach (var parameter in Parameters)
        {
            ParameterGradient.Clear(parameter.Value);
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

    /// <summary>Zeros that outlive every scope, for a state.</summary>
    protected static Tensor Zeros(IReadOnlyList<long> shape, Device device, ScalarType dtype = ScalarType.Float32) =>
        zeros([.. shape], dtype, device).DetachFromDisposeScope();
}

/// <summary>A parameter and its gradient.</summary>
internal sealed record TrainedParameter
{
    public TrainedParameter(string name, Tensor value)
    {
        // Rounding a step of 1e-6 into bfloat16 loses it.
        (Name, Value) = value.dtype == ScalarType.Float32
            ? (name, value)
            : throw new InvalidOperationException($"{name} is {value.dtype}; trained parameters must be float32.");
        (Shape, Decays) = (value.shape, value.dim() > 1);
    }

    public string Name { get; }

    public Tensor Value { get; }

    public IReadOnlyList<long> Shape { get; }

    /// <summary>False for norms and biases.</summary>
    public bool Decays { get; }

    public Tensor Gradient() => ParameterGradient.Of(Value);
}
