using System.Diagnostics.CodeAnalysis;

namespace RftService.Api.Http;

/// <summary>A JSON body: validated all the way down by RequestValidator. Implement <see cref="IRequestBody{TSelf}"/>.</summary>
public interface IRequestBody;

/// <summary>A JSON body with examples for the OpenAPI document.</summary>
public interface IRequestBody<TSelf> : IRequestBody
    where TSelf : IRequestBody<TSelf>
{
    /// <summary>Complete bodies that can be sent as they are, the simplest first; a test sends each through the validator.</summary>
    static abstract IReadOnlyList<RequestExample> Examples { get; }
}

/// <summary>Query parameters taken as one record with [AsParameters]; validated like a body.</summary>
public interface IRequestQuery;

/// <summary>One example of a body.</summary>
/// <param name="Name">What it shows, in a few words.</param>
/// <param name="Json">The body as JSON.</param>
public sealed record RequestExample(string Name, [StringSyntax(StringSyntaxAttribute.Json)] string Json);
