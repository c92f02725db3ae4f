using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace RftService.Grading.JsonText;

/// <summary>The formats of JSON Schema that are checked.</summary>
internal static partial class SchemaFormats
{
    public static readonly IReadOnlyList<string> Known = ["date", "date-time", "email", "ipv4", "ipv6", "time", "uri", "uuid"];

    public static bool Holds(string format, string text) => format switch
    {
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "time" => Time().IsMatch(text),
        "date-time" => text.Length > 11 && text[10] is 'T' or 't' && Holds("date", text[..10]) && Time().IsMatch(text[11..]),
        "email" => Email().IsMatch(text),
        "ipv4" => IPv4().IsMatch(text),
        "ipv6" => text.Contains(':') && !text.Contains('%') && !text.Contains('[') && IPAddress.TryParse(text, out _),
        "uri" => Scheme().IsMatch(text) && Uri.TryCreate(text, UriKind.Absolute, out _),
        "uuid" => Guid.TryParseExact(text, "D", out _),
        _ => throw new InvalidOperationException($"The format {format} passed the check of the schema."),
    };

    [GeneratedRegex(@"^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([zZ]|[+-]([01]\d|2[0-3]):[0-5]\d)\z", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Time();

    [GeneratedRegex(@"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\z", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Email();

    [GeneratedRegex(@"^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!\z)|\z)){4}\z", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex IPv4();

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9+.-]*:", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Scheme();
}
