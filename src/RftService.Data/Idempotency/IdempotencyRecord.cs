namespace RftService.Data.Idempotency;

/// <summary>The answer to a POST with an Idempotency-Key, kept 24 hours.</summary>
public sealed class IdempotencyRecord
{
    public required Guid ProjectId { get; init; }

    public required string Key { get; init; }

    /// <summary>Of method, path and body.</summary>
    public required byte[] RequestHash { get; init; }

    /// <summary>Id of what the request makes, chosen before it is made: a repetition after a crash makes the same thing, not a second one.</summary>
    public required Guid ResourceId { get; init; }

    /// <summary>Null while the first request is still being answered.</summary>
    public int? StatusCode { get; set; }

    public string? Location { get; set; }

    public string? ResponseBody { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}
