using System.Security.Claims;
using RftService.Data.Projects;

namespace RftService.Api.Http;

/// <summary>Who asks: the project of the key. Endpoints take it as a parameter.</summary>
internal sealed record Caller(Guid ProjectId, Guid KeyId, bool IsAdmin)
{
    public const string AdminPolicy = "admin";
    public const string AdminClaim = "rft:admin";
    public const string KeyClaim = "rft:key";
    private const string ProjectClaim = "rft:project";

    public static ClaimsIdentity IdentityOf(ApiKey key) => new(
        [
            new Claim(ProjectClaim, key.ProjectId.ToString("N")),
            new Claim(KeyClaim, key.Id.ToString("N")),
            new Claim(AdminClaim, key.IsAdmin ? "true" : "false"),
        ],
        ApiKeyAuthentication.Scheme);

    public static Caller OfRequest(IServiceProvider services)
    {
        var user = services.GetRequiredService<IHttpContextAccessor>().HttpContext?.User
            ?? throw new InvalidOperationException("A caller exists only inside a request.");
        return new Caller(Id(user, ProjectClaim), Id(user, KeyClaim), user.HasClaim(AdminClaim, "true"));
    }

    private static Guid Id(ClaimsPrincipal user, string claim) =>
        Guid.TryParseExact(user.FindFirst(claim)?.Value, "N", out var id)
            ? id
            : throw new InvalidOperationException($"No {claim}: the endpoint lacks RequireAuthorization.");
}
