using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using RftService.Grading.JsonText;

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
                var names = (JsonConverter<string>)options.GetConverter(typeof(string));
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var key = names.ReadAsPropertyName(ref reader, typeof(string), options);
                    reader.Read();
                    Add(graders, key, ReadOne(ref reader, key, options), key);
                }

                break;
            case JsonTokenType.StartArray:
                for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
                {
                    var place = i.ToString(CultureInfo.InvariantCulture);
                    var grader = ReadOne(ref reader, place, options);
                    Add(graders, grader.Name, grader, place);
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

    private static GraderSpec ReadOne(ref Utf8JsonReader reader, string place, JsonSerializerOptions options)
    {
        try
        {
            return JsonSerializer.Deserialize<GraderSpec>(ref reader, options) ?? throw FaultPlace.Fault("Expected a grader, found null.");
        }
        catch (Exception fault) when (fault is JsonException or NotSupportedException { Source: "System.Text.Json" })
        {
            throw FaultPlace.Moved(fault, place);
        }
    }

    private static void Add(OrderedDictionary<string, GraderSpec> graders, string key, GraderSpec grader, string place)
    {
        if (!graders.TryAdd(key, grader))
        {
            throw FaultPlace.Fault($"The grader {key} is given twice.", place);
        }
    }
}
