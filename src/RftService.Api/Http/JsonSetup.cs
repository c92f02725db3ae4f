using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using RftService.Engine.Algorithms;
using RftService.Grading;

namespace RftService.Api.Http;

/// <summary>The wire format: snake_case, strict, unions by `type`. Also the format of recipes and graders in the database.</summary>
internal static class JsonSetup
{
    public static JsonSerializerOptions Options { get; } = Create();

    public static void Apply(JsonSerializerOptions json)
    {
        json.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        json.PropertyNameCaseInsensitive = false;
        json.NumberHandling = JsonNumberHandling.Strict;
        json.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        json.AllowOutOfOrderMetadataProperties = true;
        json.AllowDuplicateProperties = false;
        json.RespectNullableAnnotations = true;
        json.RespectRequiredConstructorParameters = true;
        json.Converters.Add(new StrictStringConverter());
        json.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
        json.TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { GraderCatalog.AddPolymorphism, AlgorithmCatalog.AddPolymorphism } };
    }

    private static JsonSerializerOptions Create()
    {
        var json = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Apply(json);
        json.MakeReadOnly();
        return json;
    }
}
