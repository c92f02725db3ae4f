using System.Globalization;
using System.Text.RegularExpressions;
using RftService.Grading.JsonText;

namespace RftService.Api.Http;

/// <summary>
/// Turns what System.Text.Json says of a body into a pointer, a stable code and a remedy. The serializer tells the kind of fault
/// only by its message, so the messages are matched here, and the tests hold them in place over framework updates.
/// </summary>
internal static partial class JsonFault
{
    /// <param name="message">The exception's message.</param>
    /// <param name="path">Its path, as `$.algorithm.type`.</param>
    /// <param name="isSyntax">True when the text is no JSON at all.</param>
    /// <param name="body">The type that was read; null when it is not known.</param>
    public static ProblemError Explain(string message, string? path, bool isSyntax, Type? body)
    {
        var suffix = Suffix().Match(message);
        var text = Suffix().Replace(message, "");
        var segments = SegmentsOf(path);
        if (isSyntax)
        {
            // The serializer counts lines from 0; the pointer is the last place that could be read.
            var place = suffix.Success ? $" (line {int.Parse(suffix.Groups["line"].Value, CultureInfo.InvariantCulture) + 1}, byte {suffix.Groups["byte"].Value})" : "";
            return new ProblemError(PointerOf(segments), "malformed_json", $"the body is no valid JSON{place}: {text}");
        }

        if (Unmapped().Match(text) is { Success: true } unmapped)
        {
            var name = unmapped.Groups["name"].Value;
            var place = segments is [.., var last] && last == name ? segments : [.. segments, name];
            return new ProblemError(PointerOf(place), "unknown_field",
                $"'{name}' is not known here; known: {JsonShape.Members(unmapped.Groups["type"].Value, body)}");
        }

        if (Missing().Match(text) is { Success: true } missing)
        {
            return new ProblemError(PointerOf(segments), "missing_field", $"missing: {missing.Groups["names"].Value.Replace("'", "", StringComparison.Ordinal)}");
        }

        if (Discriminator().Match(text) is { Success: true } discriminator)
        {
            var place = segments is [.., "type"] ? segments : [.. segments, "type"];
            var union = JsonShape.At(body, place.SkipLast(1));
            return new ProblemError(PointerOf(place), "unknown_type", $"'{discriminator.Groups["id"].Value}' is not known; known: {JsonShape.Types(union)}");
        }

        if (Abstract().IsMatch(text))
        {
            var union = JsonShape.At(body, segments);
            return new ProblemError(PointerOf([.. segments, "type"]), "missing_field", $"type is missing; known: {JsonShape.Types(union)}");
        }

        if (Duplicate().Match(text) is { Success: true } duplicate)
        {
            return new ProblemError(PointerOf(segments), "duplicate_field", $"'{duplicate.Groups["name"].Value}' is given twice");
        }

        if (Null().IsMatch(text))
        {
            return new ProblemError(PointerOf(segments), "null_value", "null is not allowed here: give a value or leave the field out");
        }

        return Convert().IsMatch(text)
            ? new ProblemError(PointerOf(segments), "wrong_type", "expected " + JsonShape.Describe(JsonShape.At(body, segments)))
            : new ProblemError(PointerOf(segments), "invalid_value", text);
    }

    /// <summary>Path of an exception that has it only in its message.</summary>
    public static string? PathIn(string message) => Suffix().Match(message) is { Success: true } match ? match.Groups["path"].Value : null;

    private static IReadOnlyList<string> SegmentsOf(string? path) =>
        [.. Segment().Matches(path ?? "").Select(match => match.Groups["key"].Success ? match.Groups["key"].Value : match.Groups["name"].Value)];

    private static string PointerOf(IReadOnlyList<string> segments) =>
        string.Concat(segments.Select(segment => "/" + PointerName.Escape(segment)));

    [GeneratedRegex(@"(\.(?<name>[^.\[\]]+))|(\['(?<key>.*?)'\])|(\[(?<name>\d+)\])", RegexOptions.Singleline)]
    private static partial Regex Segment();

    [GeneratedRegex(@"\s*(Path: (?<path>\$.*?) \| )?LineNumber: (?<line>\d+) \| BytePositionInLine: (?<byte>\d+)\.?\s*$", RegexOptions.Singleline)]
    private static partial Regex Suffix();

    [GeneratedRegex("The JSON property '(?<name>.*)' could not be mapped to any .NET member contained in type '(?<type>.*)'", RegexOptions.Singleline)]
    private static partial Regex Unmapped();

    [GeneratedRegex("missing required properties including: (?<names>.*?)\\.?$", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex("unrecognized type discriminator id '(?<id>.*)'", RegexOptions.Singleline)]
    private static partial Regex Discriminator();

    [GeneratedRegex("must specify a type discriminator|interface or abstract types is not supported")]
    private static partial Regex Abstract();

    [GeneratedRegex("Duplicate property '(?<name>.*?)'", RegexOptions.Singleline)]
    private static partial Regex Duplicate();

    [GeneratedRegex("allow (setting )?null values|doesn't allow null")]
    private static partial Regex Null();

    [GeneratedRegex("could not be converted to")]
    private static partial Regex Convert();
}
