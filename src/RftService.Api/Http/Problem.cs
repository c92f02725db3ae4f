namespace RftService.Api.Http;

/// <summary>Why a request was refused (RFC 9457).</summary>
public sealed record Problem
{
    /// <summary>Names the kind of problem: `urn:rft:problem:` and the code.</summary>
    public required string Type { get; init; }

    /// <summary>The HTTP status in words.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What is wrong and what to do.</summary>
    public required string Detail { get; init; }

    /// <summary>The path that was asked for.</summary>
    public required string Instance { get; init; }

    /// <summary>Stable snake_case name; more may be added.</summary>
    public required string Code { get; init; }

    /// <summary>Finds the request in the server's log.</summary>
    public required string TraceId { get; init; }

    /// <summary>Each place that is at fault; empty when the request as a whole is.</summary>
    public IReadOnlyList<ProblemError> Errors { get; init; } = [];
}

/// <summary>One place of a request that is at fault.</summary>
/// <param name="Pointer">JSON pointer into the body, as `/algorithm/type`; `?name` for a query parameter; empty for the whole.</param>
/// <param name="Code">Stable snake_case name.</param>
/// <param name="Message">What was expected and what was found.</param>
/// <param name="Line">Line of an uploaded file, from 1; absent elsewhere.</param>
public sealed record ProblemError(string Pointer, string Code, string Message, int? Line = null);
