using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using RftService.Grading.JsonText;

namespace RftService.Api.Completions;

/// <summary>A text, or a list of texts in OpenAI's form, which become one.</summary>
internal sealed class TextPartsConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return JsonSerializer.Deserialize<string>(ref reader, options);
        }

        IReadOnlyList<TextPart?> parts;
        try
        {
            parts = JsonSerializer.Deserialize<IReadOnlyList<TextPart?>>(ref reader, options)!;
        }
        catch (JsonException fault)
        {
            throw FaultPlace.Moved(fault);
        }

        foreach (var (place, part) in parts.Index())
        {
            if (part?.Type != "text")
            {
                throw FaultPlace.Fault("expected a part of type text: {type: \"text\", text}", place.ToString(CultureInfo.InvariantCulture), "type");
            }
        }

        return parts.Count > 0
            ? string.Concat(parts.Select(part => part!.Text))
            : throw new JsonException("expected a text, or a list of {type: \"text\", text}");
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    private sealed record TextPart
    {
        public required string Type { get; init; }

        public required string Text { get; init; }
    }
}
