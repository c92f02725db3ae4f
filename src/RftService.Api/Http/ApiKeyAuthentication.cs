using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using RftService.Data;
using RftService.Data.Projects;

namespace RftService.Api.Http;

/// <summary>`Authorization: Bearer rft_...`. Looked up at every request, so that revoking a key takes effect at once.</summary>
internal sealed class ApiKeyAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, RftDbContext db)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public new const string Scheme = "ApiKey";
    private const string Bearer = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (header.Length == 0 || !Request.Path.StartsWithSegments("/api"))
        {
            return AuthenticateResult.NoResult();
        }

        if (!header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return AuthenticateResult.Fail("the Authorization header must read 'Bearer rft_...'");
        }

        var hash = ApiKey.HashOf(header[Bearer.Length..].Trim());
        var key = await db.ApiKeys.AsNoTracking().SingleOrDefaultAsync(candidate => candidate.Hash == hash, Context.RequestAborted);
        return key switch
        {
            null => AuthenticateResult.Fail("the key is unknown"),
            { RevokedAt: not null } => AuthenticateResult.Fail("the key was revoked"),
            _ => AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(Caller.IdentityOf(key)), Scheme)),
        };
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var reason = (await HandleAuthenticateOnceSafeAsync()).Failure?.Message ?? "no key was sent";
        Response.Headers.WWWAuthenticate = "Bearer realm=\"rft\"";
        await Problems.Of(StatusCodes.Status401Unauthorized, "unauthorized",
            $"Not let in: {reason}. Send 'Authorization: Bearer rft_...' with a key of your project; an administrator makes keys.").ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Problems.Of(StatusCodes.Status403Forbidden, "admin_only", "This needs an administrator's key.").ExecuteAsync(Context);
}
