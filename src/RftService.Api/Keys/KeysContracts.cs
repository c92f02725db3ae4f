using System.ComponentModel.DataAnnotations;
using RftService.Api.Http;
using RftService.Data.Projects;

namespace RftService.Api.Keys;

/// <summary>A new key.</summary>
public sealed record CreateKeyRequest : IRequestBody<CreateKeyRequest>
{
    /// <summary>Says whose or what for.</summary>
    [StringLength(100, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <summary>Project of the key; absent: the caller's own. Another one takes an administrator's key.</summary>
    public string? ProjectId { get; init; }

    /// <summary>True: the key may make projects, and keys of any project. Takes an administrator's key.</summary>
    public bool IsAdmin { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("A key for a laptop", """{ "name": "ana's laptop" }"""),
    ];
}

/// <summary>A key without its text.</summary>
/// <param name="Id">`key_...`</param>
/// <param name="ProjectId">`prj_...`</param>
/// <param name="Name">Says whose or what for.</param>
/// <param name="Prefix">The first characters of the text.</param>
/// <param name="IsAdmin">True: may make projects, and keys of any project.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="RevokedAt">When it was revoked; null while it is good.</param>
public sealed record KeyResponse(
    string Id, string ProjectId, string Name, string Prefix, bool IsAdmin, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt)
{
    internal static KeyResponse From(ApiKey key) => new(
        PublicId.Key.Format(key.Id), PublicId.Project.Format(key.ProjectId), key.Name, key.Prefix, key.IsAdmin, key.CreatedAt, key.RevokedAt);
}

/// <summary>A key that was just made.</summary>
/// <param name="Key">What will be listed of it.</param>
/// <param name="Text">The bearer text. It is shown only this once: keep it now.</param>
public sealed record CreatedKeyResponse(KeyResponse Key, string Text);
