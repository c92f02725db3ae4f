namespace RftService.Grading.JsonText;

/// <summary>Names of members in JSON pointers (RFC 6901).</summary>
public static class PointerName
{
    /// <summary>A name as a step of a pointer.</summary>
    public static string Escape(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
    }
}
