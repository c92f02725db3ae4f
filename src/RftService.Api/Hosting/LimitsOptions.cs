using System.ComponentModel.DataAnnotations;

namespace RftService.Api.Hosting;

/// <summary>What one request, one key and one file may take; section `Rft:Limits`.</summary>
public sealed record LimitsOptions
{
    /// <summary>Bytes of a JSON body.</summary>
    [Range(1024, 256L * 1024 * 1024)]
    public long JsonBodyBytes { get; init; } = 1024 * 1024;

    /// <summary>Bytes of a dataset file.</summary>
    [Range(1024, 1024L * 1024 * 1024 * 1024)]
    public long DatasetBytes { get; init; } = 10L * 1024 * 1024 * 1024;

    /// <summary>Rows of a dataset.</summary>
    [Range(1, 1_000_000_000)]
    public int DatasetRows { get; init; } = 50_000_000;

    /// <summary>Bytes of one row of a dataset.</summary>
    [Range(1024, 256 * 1024 * 1024)]
    public int DatasetRowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Requests of one key (or, without a key, of one address) in a minute.</summary>
    [Range(1, 1_000_000)]
    public int RequestsPerMinute { get; init; } = 3000;
}
