using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using RftService.Grading.Tests.Outbound;

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

    /// <summary>A host with a judge, that may reach this machine.</summary>
    public static readonly GraderHost Host = LocalService.Obliging.Host();

    /// <summary>A host as it is without settings.</summary>
    public static readonly GraderHost Plain = new();

    public static GraderSpec Spec(string json) => JsonSerializer.Deserialize<GraderSpec>(json, Json)!;

    public static IGrader Grader(string json) => GraderCatalog.Create(Spec(json), Host);

    public static JsonElement Item(string json) => JsonElement.Parse(json);

    public static Grade Score(this IGrader grader, string output, string item = "{}") => Score(grader, new GradingInput(Item(item), output));

    // Graders that only compute answer at once; the few that wait may block a test's thread.
    public static Grade Score(this IGrader grader, GradingInput input) => grader.ScoreAsync(input, CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public static GraderSpecException Fault(string json) => Assert.Throws<GraderSpecException>(() => Grader(json));
}
