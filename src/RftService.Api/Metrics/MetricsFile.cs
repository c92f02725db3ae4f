using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Data.Metrics;

namespace RftService.Api.Metrics;

/// <summary>Every step as one line, CSV or JSON; streamed, so that the length of the run does not matter.</summary>
internal sealed class MetricsFile(IQueryable<StepMetrics> rows, IReadOnlyList<string> names, bool isCsv, bool filtered) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.ContentType = isCsv ? "text/csv; charset=utf-8" : "application/jsonl; charset=utf-8";
        await using var writer = new StreamWriter(response.Body);
        if (isCsv)
        {
            await writer.WriteAsync(string.Join(',', names.Select(Quote).Prepend("at").Prepend("attempt").Prepend("step")) + "\n");
        }

        await foreach (var row in rows.AsAsyncEnumerable().WithCancellation(httpContext.RequestAborted))
        {
            using var values = JsonDocument.Parse(row.ValuesJson);
            await writer.WriteAsync((isCsv ? CsvLine(row, values.RootElement) : JsonLine(row, values.RootElement)) + "\n");
        }
    }

    private string CsvLine(StepMetrics row, JsonElement values)
    {
        var cells = names.Select(name => values.TryGetProperty(name, out var value) ? value.GetRawText() : "");
        return string.Create(CultureInfo.InvariantCulture, $"{row.Step},{row.Attempt},{row.At:O},") + string.Join(',', cells);
    }

    private string JsonLine(StepMetrics row, JsonElement values)
    {
        var kept = values.EnumerateObject().Where(metric => !filtered || names.Contains(metric.Name))
            .ToDictionary(metric => metric.Name, metric => metric.Value.GetDouble());
        return JsonSerializer.Serialize(new { step = row.Step, attempt = row.Attempt, at = row.At, values = kept }, Http.JsonSetup.Options);
    }

    private static string Quote(string name) =>
        name.AsSpan().IndexOfAny(",\"\r\n") < 0 ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
