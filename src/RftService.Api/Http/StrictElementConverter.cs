using System.Text.Json;
using System.Text.Json.Serialization;

namespace RftService.Api.Http;

/// <summary>Refuses free JSON (a schema, a row) with bytes that are no UTF-8: the serializer takes them over unread, and every access would throw.</summary>
internal sealed class StrictElementConverter : JsonConverter<JsonElement>
{
    public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var value = JsonElement.ParseValue(ref reader);
        try
        {
            _ = value.GetRawText();
        }
        catch (InvalidOperationException broken)
        {
            throw new JsonException("it holds bytes that are no UTF-8", broken);
        }

        return value;
    }

    public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options) => value.WriteTo(writer);
}
