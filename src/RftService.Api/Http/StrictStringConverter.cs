using System.Text.Json;
using System.Text.Json.Serialization;

namespace RftService.Api.Http;

/// <summary>Refuses texts that cannot be stored: NUL (Postgres takes it neither in text nor in jsonb) and halves of surrogate pairs.</summary>
internal sealed class StrictStringConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.String => Text(ref reader),
            JsonTokenType.Null => null,
            var other => throw new JsonException($"expected a text, got {Name(other)}"),
        };

    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Text(ref reader);

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WritePropertyName(value);

    private static string Text(ref Utf8JsonReader reader)
    {
        string text;
        try
        {
            text = reader.GetString()!;
        }
        catch (InvalidOperationException broken)
        {
            throw new JsonException("the text holds half of a surrogate pair (as \\ud83d alone) or bytes that are no UTF-8", broken);
        }

        return text.Contains('\0') ? throw new JsonException("the text holds a NUL character (\\u0000): remove it") : text;
    }

    private static string Name(JsonTokenType token) => token switch
    {
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.StartObject => "an object",
        _ => token.ToString(),
    };
}
