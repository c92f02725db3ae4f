using RftService.Api.Http;

namespace RftService.Api.Hosting;

/// <summary>Headers that every answer carries, and the one byte that no request may.</summary>
internal static class SecurityHeaders
{
    // Swagger UI configures itself by an inline script and styles.
    private const string PagePolicy =
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        var isPage = context.Request.Path.StartsWithSegments("/swagger");
        headers.ContentSecurityPolicy = isPage ? PagePolicy : "default-src 'none'; frame-ancestors 'none'";
        headers.CacheControl = "private, no-cache";
        return next(context);
    });

    /// <summary>Postgres stores no NUL in text, so a path or query with one can name nothing.</summary>
    public static void UseNulRefusal(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var request = context.Request;
        var holdsNul = request.Path.Value?.Contains('\0') == true
            || request.Query.Any(pair => pair.Key.Contains('\0') || pair.Value.Any(value => value?.Contains('\0') == true));
        return holdsNul
            ? Problems.Of(StatusCodes.Status400BadRequest, "nul_character", "The path or query holds a NUL character (%00): remove it.")
                .ExecuteAsync(context)
            : next(context);
    });
}
