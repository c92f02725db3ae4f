using System.Text.Json;

namespace RftService.Api.Datasets;

/// <summary>Words for JSON values in messages. Never whole contents: a message may end in a log.</summary>
internal static class Json
{
    public static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        _ => "null",
    };

    /// <summary>The name of the type as statistics count it.</summary>
    public static string TypeName(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "null",
    };

    public static string Quote(string text) => $"`{Shorten(text)}`";

    public static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
