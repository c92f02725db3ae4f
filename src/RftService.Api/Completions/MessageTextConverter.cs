using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using RftService.Api.Http;
using RftService.Grading.JsonText;

namespace RftService.Api.Completions;

/// <summary>Reads a message's content as OpenAI's clients write it: a text, or parts `{"type": "text", "text": ...}` in order.</summary>
internal sealed class MessageTextConverter : JsonConverter<string>
{
    private const int MostParts = 1_000;
    private static readonly StrictStringConverter Strings = new();

    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return Strings.Read(ref reader, typeToConvert, options);
        }

        var text = new StringBuilder();
        var part = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            text.Append(PartOf(ref reader, part.ToString(CultureInfo.InvariantCulture), options));
            if (++part > MostParts)
            {
                throw new JsonException($"expected at most {MostParts} parts");
            }
        }

        return part > 0 ? text.ToString() : throw new JsonException("expected a text or at least one part");
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    private static string PartOf(ref Utf8JsonReader reader, string part, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw FaultPlace.Fault("expected an object as {\"type\": \"text\", \"text\": \"...\"}", part);
        }

        string? type = null;
        string? text = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = Strings.ReadAsPropertyName(ref reader, typeof(string), options);
            reader.Read();
            switch (name)
            {
                case "type" or "text" when (name == "type" ? type : text) is not null:
                    throw FaultPlace.Fault($"'{name}' is given twice", part, name);
                case "type":
                    type = TextOf(ref reader, part, name, options);
                    break;
                case "text":
                    text = TextOf(ref reader, part, name, options);
                    break;
                case var _ when type is null or "text":
                    throw FaultPlace.Fault($"'{name}' is not known here; known: text, type", part, name);
                default:
                    reader.TrySkip(); // what a part of another type holds: the type is refused below
                    break;
            }
        }

        return type switch
        {
            null => throw FaultPlace.Fault("missing: type", part),
            "text" => text ?? throw FaultPlace.Fault("missing: text", part),
            _ => throw FaultPlace.Fault($"the type '{type}' is not known; known: text", part, "type"),
        };
    }

    private static string TextOf(ref Utf8JsonReader reader, string part, string name, JsonSerializerOptions options)
    {
        try
        {
            return Strings.Read(ref reader, typeof(string), options) ?? throw new JsonException("expected a text, got null");
        }
        catch (JsonException fault)
        {
            throw FaultPlace.Fault(fault.Message, part, name);
        }
    }
}
