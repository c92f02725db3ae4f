namespace RftService.Engine.Rollouts.Constraints;

/// <summary>Formats of JSON Schema as patterns. What is unbounded in them has a bound here: a weak model would write it for ever.</summary>
internal static class TextFormats
{
    private const string Clock = @"([01]\d|2[0-3]):[0-5]\d";
    private const string Time = Clock + @":[0-5]\d(\.\d{1,6})?(Z|[+-]" + Clock + ")";

    // Years from 0001, which readers commonly begin with; every fourth is a leap year, but of full centuries only every fourth.
    private const string Year = @"(\d{3}[1-9]|\d{2}[1-9]0|\d[1-9]00|[1-9]000)";
    private const string LeapYear = @"(\d\d(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)";
    private const string Date = $"({Year}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|{LeapYear}-02-29)";
    private const string Octet = @"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    private const string Label = "[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?";

    /// <summary>Names and patterns.</summary>
    public static IReadOnlyDictionary<string, string> Patterns { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["date"] = $"^{Date}$",
        ["time"] = $"^{Time}$",
        ["date-time"] = $"^{Date}T{Time}$",
        ["uuid"] = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        ["email"] = $@"^[A-Za-z0-9_+-]{{1,20}}(\.[A-Za-z0-9_+-]{{1,20}}){{0,2}}@({Label}\.){{1,3}}[A-Za-z]{{2,12}}$",
        ["ipv4"] = $@"^({Octet}\.){{3}}{Octet}$",
    };
}
