using System.Text.Json;
using System.Text.Json.Serialization;

namespace RftService.Grading.Composition;

/// <summary>
/// Reads named graders as OpenAI writes them in different places: as a map, or as an array in which every grader's `name` is its key.
/// Always written as a map.
/// </summary>
internal sealed class GraderMapConverter : JsonConverter<IReadOnlyDictionary<string, GraderSpec>>
{
    public override IReadOnlyDictionary<string, GraderSpec> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var graders = new OrderedDictionary<string, GraderSpec>(StringComparer.Ordinal);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var key = reader.GetString()!;
                    reader.Read();
                    Add(graders, key, JsonSerializer.Deserialize<GraderSpec>(ref reader, options));
                }

                break;
            case JsonTokenType.StartArray:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    var grader = JsonSerializer.Deserialize<GraderSpec>(ref reader, options);
                    Add(graders, grader?.Name ?? "null", grader);
                }

                break;
            default:
                throw new JsonException("Expected an object of graders by name.");
        }

        return graders;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyDictionary<string, GraderSpec> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (key, grader) in value)
        {
            writer.WritePropertyName(key);
            JsonSerializer.Serialize(writer, grader, options);
        }

        writer.WriteEndObject();
    }

    private static void Add(OrderedDictionary<string, GraderSpec> graders, string key, GraderSpec? grader)
    {
        if (!graders.TryAdd(key, grader ?? throw new JsonException("Expected a grader, found null.")))
        {
            throw new JsonException($"The grader {key} is given twice.");
        }
    }
}
