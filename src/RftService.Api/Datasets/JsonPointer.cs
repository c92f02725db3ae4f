namespace RftService.Api.Datasets;

/// <summary>Pointers into rows. A name is the client's and may be megabytes long: in a report its beginning says enough.</summary>
internal static class JsonPointer
{
    private const int MaxName = 100;

    public static string Escape(string name) => (name.Length <= MaxName ? name : name[..MaxName] + "…")
        .Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
