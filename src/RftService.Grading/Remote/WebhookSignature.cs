using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace RftService.Grading.Remote;

/// <summary>Signs a request as Standard Webhooks has it: HMAC-SHA256 over `id.timestamp.body`.</summary>
internal sealed class WebhookSignature
{
    private const string Prefix = "whsec_";
    private readonly byte[] _key;

    /// <param name="secret">`whsec_` and base64 of 24 to 64 bytes.</param>
    /// <exception cref="FormatException">It is not.</exception>
    public WebhookSignature(string secret)
    {
        _key = secret.StartsWith(Prefix, StringComparison.Ordinal) ? Convert.FromBase64String(secret[Prefix.Length..]) : throw new FormatException();
        if (_key.Length is < 24 or > 64)
        {
            throw new FormatException();
        }
    }

    public void Sign(HttpRequestMessage request, string id, DateTimeOffset now, byte[] body)
    {
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        byte[] content = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        var signed = HMACSHA256.HashData(_key, content);
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp);
        request.Headers.Add("webhook-signature", "v1," + Convert.ToBase64String(signed));
    }
}
