using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace RftService.Data.Storage;

/// <summary>How recipes and graders are written, on the wire and in the database: snake_case, strict, unions by `type`.</summary>
public static class JsonFormat
{
    /// <summary>Options of this format.</summary>
    /// <param name="unions">What teaches the unions their discriminators.</param>
    public static JsonSerializerOptions Create(params Action<JsonTypeInfo>[] unions)
    {
        var json = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Apply(json, unions);
        json.MakeReadOnly();
        return json;
    }

    /// <summary>Sets this format on options that somebody else made.</summary>
    /// <param name="json">To be changed.</param>
    /// <param name="unions">What teaches the unions their discriminators.</param>
    public static void Apply(JsonSerializerOptions json, params Action<JsonTypeInfo>[] unions)
    {
        json.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        json.PropertyNameCaseInsensitive = false;
        json.NumberHandling = JsonNumberHandling.Strict;
        // Options of a newer client or Api must not be dropped in silence.
        json.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        // jsonb sorts keys by length, so `type` is seldom the first.
        json.AllowOutOfOrderMetadataProperties = true;
        json.AllowDuplicateProperties = false;
        json.RespectNullableAnnotations = true;
        json.RespectRequiredConstructorParameters = true;
        json.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
        var resolver = new DefaultJsonTypeInfoResolver();
        foreach (var union in unions)
        {
            resolver.Modifiers.Add(union);
        }

        json.TypeInfoResolver = resolver;
    }
}
