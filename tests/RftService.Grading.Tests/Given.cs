using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace RftService.Grading.Tests;

/// <summary>Specs, rows and completions written as JSON, read as the service reads them.</summary>
internal static class Given
{
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.Strict,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowOutOfOrderMetadataProperties = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { GraderCatalog.AddPolymorphism } },
    };

    public static GraderSpec Spec(string json) => JsonSerializer.Deserialize<GraderSpec>(json, Json)!;

    public static IGrader Grader(string json) => GraderCatalog.Create(Spec(json));

    public static JsonElement Item(string json) => JsonElement.Parse(json);

    public static Grade Score(this IGrader grader, string output, string item = "{}") => grader.Score(new GradingInput(Item(item), output));

    public static GraderSpecException Fault(string json) => Assert.Throws<GraderSpecException>(() => Grader(json));
}
