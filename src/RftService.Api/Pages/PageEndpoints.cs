using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace RftService.Api.Pages;

/// <summary>
/// Pages for people. They hold no data: the script in them asks for an API key and calls the API with it. The files are embedded in
/// the program, so that they are there however it is started.
/// </summary>
internal static class PageEndpoints
{
    private const string ResourcePrefix = "wwwroot/";

    // No inline script or style, and nothing from elsewhere: what a model wrote stays text even if the page had a hole.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly Dictionary<string, PageFile> Files = LoadFiles();

    public static void MapPages(this IEndpointRouteBuilder app)
    {
        var pages = app.MapGroup("").ExcludeFromDescription().AllowAnonymous();
        pages.MapGet("/", (HttpContext http) => Page(http, "index.html"));
        pages.MapGet("/runs/{id}", (string id, HttpContext http) => Page(http, "run.html"));
        pages.MapGet("/pages/{**path}", (string path, HttpContext http) => Page(http, path));
    }

    private static IResult Page(HttpContext http, string path)
    {
        if (!Files.TryGetValue(path, out var file))
        {
            return Results.NotFound();
        }

        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.CacheControl = "no-cache"; // asked again each time, answered 304: a new version is never mixed with an old one
        return Results.Bytes(file.Content, file.ContentType, entityTag: file.Tag);
    }

    private static Dictionary<string, PageFile> LoadFiles()
    {
        var assembly = typeof(PageEndpoints).Assembly;
        var files = new Dictionary<string, PageFile>(StringComparer.Ordinal);
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal)))
        {
            using var resource = assembly.GetManifestResourceStream(name)!;
            var content = new byte[resource.Length];
            resource.ReadExactly(content);
            var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..16]}\"");
            files.Add(name[ResourcePrefix.Length..], new PageFile(content, ContentTypeOf(name), tag));
        }

        return files;
    }

    private static string ContentTypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };

    private sealed record PageFile(byte[] Content, string ContentType, EntityTagHeaderValue Tag);
}
