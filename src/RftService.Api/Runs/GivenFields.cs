using System.Text.Json;

namespace RftService.Api.Runs;

/// <summary>
/// Which fields a client wrote. A bound record cannot tell a value that was given from an equal default, so the body is read a second
/// time.
/// </summary>
internal static class GivenFields
{
    /// <summary>Keeps the body readable after binding; for small JSON bodies only.</summary>
    public static RouteHandlerBuilder KeepsBody(this RouteHandlerBuilder endpoint)
    {
        endpoint.Add(builder =>
        {
            var handle = builder.RequestDelegate ?? throw new InvalidOperationException("The endpoint has no handler yet.");
            builder.RequestDelegate = context =>
            {
                context.Request.EnableBuffering();
                return handle(context);
            };
        });
        return endpoint;
    }

    /// <summary>JSON pointers of all values of the body, which binding has found to be valid.</summary>
    public static async Task<IReadOnlySet<string>> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        request.Body.Position = 0;
        using var body = await JsonDocument.ParseAsync(request.Body, cancellationToken: cancellation);
        return Leaves(body.RootElement).Select(leaf => leaf.Pointer).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Values by pointer. An array is one value: its entries have no defaults of their own.</summary>
    public static IEnumerable<(string Pointer, JsonElement Value)> Leaves(JsonElement element, string pointer = "")
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            return [(pointer, element)];
        }

        // Null says the same as absence.
        return element.EnumerateObject()
            .Where(member => member.Value.ValueKind != JsonValueKind.Null)
            .SelectMany(member => Leaves(member.Value, $"{pointer}/{member.Name}"));
    }
}
