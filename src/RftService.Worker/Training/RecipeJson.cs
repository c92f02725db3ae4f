using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using RftService.Engine.Algorithms;
using RftService.Grading;

namespace RftService.Worker.Training;

/// <summary>Reads recipes and graders as the Api stored them.</summary>
internal static class RecipeJson
{
    public static JsonSerializerOptions Options { get; } = Create();

    private static JsonSerializerOptions Create()
    {
        var json = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            PropertyNameCaseInsensitive = false,
            NumberHandling = JsonNumberHandling.Strict,
            // Options of a newer Api must not be dropped in silence by an older worker.
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            // jsonb sorts keys by length, so `type` is seldom the first.
            AllowOutOfOrderMetadataProperties = true,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { GraderCatalog.AddPolymorphism, AlgorithmCatalog.AddPolymorphism } },
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        };
        json.MakeReadOnly();
        return json;
    }
}
