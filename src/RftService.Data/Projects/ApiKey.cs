using System.Security.Cryptography;
using System.Text;

namespace RftService.Data.Projects;

/// <summary>A bearer key. Only its hash is stored; the text is shown once.</summary>
public sealed class ApiKey
{
    public required Guid Id { get; init; }

    public required Guid ProjectId { get; init; }

    public required string Name { get; init; }

    /// <summary>SHA-256 of the key's text. The text holds 256 random bits, so no slow hash is needed.</summary>
    public required byte[] Hash { get; init; }

    /// <summary>The first characters of the text, for people who look for a key.</summary>
    public required string Prefix { get; init; }

    /// <summary>May make projects and keys of any project.</summary>
    public required bool IsAdmin { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>A new random key text, `rft_` and 43 characters.</summary>
    public static string NewText() =>
        "rft_" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static byte[] HashOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
