namespace RftService.Engine.Training;

/// <summary>Collects the metrics of a step. What is not finite, or a mean of nothing, is left out: a metric is a number or absent.</summary>
internal sealed class MetricSums
{
    private readonly SortedDictionary<string, (double Sum, double Count)> _means = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, double> _values = new(StringComparer.Ordinal);

    /// <summary>Adds to a mean.</summary>
    public void Add(string name, double sum, double count)
    {
        var (oldSum, oldCount) = _means.GetValueOrDefault(name);
        _means[name] = (oldSum + sum, oldCount + count);
    }

    /// <summary>Sets a value.</summary>
    public void Set(string name, double value) => _values[name] = value;

    /// <summary>Adds to a value.</summary>
    public void Increase(string name, double by) => _values[name] = _values.GetValueOrDefault(name) + by;

    /// <summary>Keeps the largest value.</summary>
    public void Max(string name, double value) =>
        _values[name] = Math.Max(_values.GetValueOrDefault(name, double.NegativeInfinity), value);

    /// <summary>Takes over everything another collection holds; its values replace those of the same name.</summary>
    public void Add(MetricSums other)
    {
        foreach (var (name, (sum, count)) in other._means)
        {
            Add(name, sum, count);
        }

        foreach (var (name, value) in other._values)
        {
            Set(name, value);
        }
    }

    /// <summary>Leaves a metric out.</summary>
    public void Remove(string name)
    {
        _means.Remove(name);
        _values.Remove(name);
    }

    /// <summary>A value set so far, or 0.</summary>
    public double this[string name] => _values.GetValueOrDefault(name);

    /// <summary>All metrics by name.</summary>
    public IReadOnlyDictionary<string, double> ToMetrics()
    {
        var metrics = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var (name, value) in _values.Concat(_means.Where(mean => mean.Value.Count > 0)
            .Select(mean => KeyValuePair.Create(mean.Key, mean.Value.Sum / mean.Value.Count))))
        {
            if (double.IsFinite(value))
            {
                metrics[name] = value;
            }
        }

        return metrics;
    }
}
