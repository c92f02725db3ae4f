using RftService.Engine.Checkpoints;
using RftService.Engine.Models.Blocks;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Models;

/// <summary>The parameters of a model by name, adapters included; owns their memory.</summary>
internal sealed class ParameterSet : IDisposable
{
    private readonly List<(string Name, torch.Tensor Value)> _base = [];
    private readonly List<(string Name, torch.Tensor Value)> _adapters = [];
    private readonly Dictionary<string, torch.Tensor> _byName = new(StringComparer.Ordinal);
    private int _linears;

    private ParameterSet(LoraSpec? lora) => Lora = lora;

    public LoraSpec? Lora { get; }

    public AdapterSwitch Switch { get; } = new();

    public IReadOnlyList<(string Name, torch.Tensor Value)> All => Lora is null ? _base : [.. _base, .. _adapters];

    public IReadOnlyList<(string Name, torch.Tensor Value)> Trainable => Lora is null ? [.. _base.Where(parameter => parameter.Value.requires_grad)] : _adapters;

    public torch.Tensor this[string name] => _byName[name];

    /// <summary>Reads checked weights, and makes new adapters where a spec is given: A random, B zero, so that nothing changes at first.</summary>
    public static ParameterSet Read(
        ModelConfig config, SafeTensorsFolder weights, string device, torch.ScalarType dtype, LoraSpec? lora, int seed, FreezeSpec? freeze)
    {
        var parameters = new ParameterSet(lora);
        try
        {
            foreach (var (name, _) in ModelLayout.Tensors(config))
            {
                var stored = config.TiedEmbeddings ? ModelLayout.Stored(weights, name) : name;
                parameters.Add(parameters._base, name, Cast(weights.Read(stored, device), dtype), trained: lora is null && freeze?.Holds(name) != true);
            }

            foreach (var (name, shape) in lora is null ? [] : AdapterLayout.Tensors(config, lora))
            {
                var values = name.EndsWith(AdapterLayout.A, StringComparison.Ordinal)
                    ? Uniform(shape, seed, parameters._adapters.Count)
                    : torch.zeros(shape);
                using (values)
                {
                    parameters.Add(parameters._adapters, name, values.to(dtype, torch.device(device), copy: true), trained: true);
                }
            }

            return parameters;
        }
        catch
        {
            parameters.Dispose();
            throw;
        }
    }

    /// <summary>Replaces the adapters' values by stored ones.</summary>
    public void ReadAdapters(SafeTensorsFile file)
    {
        using var gradientOff = torch.no_grad();
        foreach (var (name, value) in _adapters)
        {
            using var stored = file.Read(name);
            value.copy_(stored);
        }
    }

    /// <summary>The linear layer `{prefix}` with its bias and adapter, where it has them.</summary>
    public LinearLayer Linear(string prefix)
    {
        var adapter = Lora is { } lora && _byName.TryGetValue(AdapterLayout.Name(prefix, AdapterLayout.A), out var a)
            ? new LowRank(a, _byName[AdapterLayout.Name(prefix, AdapterLayout.B)], lora, _linears++, Switch)
            : null;
        return new LinearLayer(_byName[prefix + ".weight"], _byName.GetValueOrDefault(prefix + ".bias"), adapter);
    }

    public void Dispose()
    {
        foreach (var value in _byName.Values)
        {
            value.Dispose();
        }
    }

    private void Add(List<(string Name, torch.Tensor Value)> list, string name, torch.Tensor value, bool trained)
    {
        // Outlives every scope: a model is loaded inside whatever scope the caller has.
        value.DetachFromDisposeScope().requires_grad_(trained);
        list.Add((name, value));
        _byName.Add(name, value);
    }

    private static torch.Tensor Cast(torch.Tensor value, torch.ScalarType dtype)
    {
        if (value.dtype == dtype)
        {
            return value;
        }

        using (value)
        {
            return value.to(dtype);
        }
    }

    // Kaiming-uniform with a = √5, PEFT's choice: ±1/√in.
    private static torch.Tensor Uniform(long[] shape, int seed, int index)
    {
        var bound = 1 / MathF.Sqrt(shape[1]);
        var values = new float[shape[0] * shape[1]];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = ((2 * CounterRandom.Uniform((ulong)seed, (ulong)index, (ulong)i, 0)) - 1) * bound;
        }

        return torch.tensor(values, shape);
    }
}
