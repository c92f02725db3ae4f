using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Mvc;
using RftService.Api.Http;

namespace RftService.Api.Metrics;

/// <summary>Metrics of a run, column by column.</summary>
public sealed record MetricsResponse
{
    /// <summary>Steps in order; with `points` the last step of each bucket.</summary>
    public required IReadOnlyList<int> Steps { get; init; }

    /// <summary>Values by metric, one for each entry of `steps`; null where the step has none. With `points`: means.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<double?>> Series { get; init; }

    /// <summary>Lowest value in each bucket; only with `points`.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double?>>? Min { get; init; }

    /// <summary>Highest value in each bucket; only with `points`.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double?>>? Max { get; init; }
}

/// <summary>Which metrics, of which steps, in which form.</summary>
public sealed record MetricsQuery : IRequestQuery, IValidatableObject
{
    private static readonly string[] Formats = ["json", "csv", "jsonl"];

    /// <summary>Metrics; all when absent.</summary>
    [FromQuery(Name = "names")]
    [Description("Names of metrics, separated by commas; all when absent")]
    [StringLength(4000)]
    public string? Names { get; init; }

    /// <summary>First step.</summary>
    [FromQuery(Name = "from_step")]
    [Description("First step; 0 is the evaluation before training")]
    [Range(0, int.MaxValue)]
    public int? FromStep { get; init; }

    /// <summary>Last step.</summary>
    [FromQuery(Name = "to_step")]
    [Description("Last step, included")]
    [Range(0, int.MaxValue)]
    public int? ToStep { get; init; }

    /// <summary>Buckets.</summary>
    [FromQuery(Name = "points")]
    [Description("Makes at most this many buckets of equal numbers of steps, each with mean, min and max; only for JSON")]
    [Range(1, 5000)]
    public int? Points { get; init; }

    /// <summary>Form of the answer.</summary>
    [FromQuery(Name = "format")]
    [Description("json, csv or jsonl; absent: as the Accept header says (text/csv, application/jsonl), else json")]
    public string? Format { get; init; }

    internal string[]? Wanted => Names?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct().ToArray();

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (FromStep > ToStep)
        {
            yield return new ValidationResult($"expected at least from_step ({FromStep}), got {ToStep}", [nameof(ToStep)]);
        }

        if (Format is not null && !Formats.Contains(Format))
        {
            yield return new ValidationResult($"expected {string.Join(", ", Formats)}, got '{Format}'", [nameof(Format)]);
        }

        if (Names is not null && Wanted is [])
        {
            yield return new ValidationResult("names no metric: leave it out to get all", [nameof(Names)]);
        }

        if (Points is not null && Format is "csv" or "jsonl")
        {
            yield return new ValidationResult($"{Format} gives every step: leave points out", [nameof(Points)]);
        }
    }
}
