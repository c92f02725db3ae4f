using System.Text.Json;
using RftService.Data.Metrics;

namespace RftService.Api.Metrics;

/// <summary>Turns rows of steps into columns of metrics.</summary>
internal static class MetricColumns
{
    /// <param name="rows">In the order of steps.</param>
    /// <param name="wanted">Names; null takes all. A name that no step has becomes a column of nulls.</param>
    public static MetricsResponse Of(IReadOnlyList<StepMetrics> rows, IReadOnlyList<string>? wanted)
    {
        var series = new SortedDictionary<string, double?[]>(StringComparer.Ordinal);
        foreach (var name in wanted ?? [])
        {
            series[name] = new double?[rows.Count];
        }

        for (var i = 0; i < rows.Count; i++)
        {
            using var values = JsonDocument.Parse(rows[i].ValuesJson);
            foreach (var metric in values.RootElement.EnumerateObject())
            {
                if (!series.TryGetValue(metric.Name, out var column))
                {
                    if (wanted is not null)
                    {
                        continue;
                    }

                    series[metric.Name] = column = new double?[rows.Count];
                }

                column[i] = metric.Value.GetDouble();
            }
        }

        return new MetricsResponse
        {
            Steps = [.. rows.Select(row => row.Step)],
            Series = series.ToDictionary(column => column.Key, column => (IReadOnlyList<double?>)column.Value),
        };
    }
}
