using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Net.Http.Headers;

namespace RftService.Api.Http;

/// <summary>ETag over the JSON of an answer: a client that polls with If-None-Match gets 304 while nothing has changed.</summary>
internal static class EntityTag
{
    /// <summary>200 with an ETag, or 304.</summary>
    public static IResult OkOrNotModified<T>(HttpContext context, T response)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(response, JsonSetup.Options);
        var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(json).AsSpan(0, 16))}\"";
        context.Response.Headers.ETag = tag;
        var known = context.Request.GetTypedHeaders().IfNoneMatch;
        return known.Any(candidate => candidate.Tag == "*" || candidate.Compare(EntityTagHeaderValue.Parse(tag), useStrongComparison: false))
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Bytes(json, "application/json; charset=utf-8");
    }
}
