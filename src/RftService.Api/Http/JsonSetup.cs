using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using RftService.Data.Storage;
using RftService.Engine.Algorithms;
using RftService.Engine.Training.Optimizers;
using RftService.Grading;

namespace RftService.Api.Http;

/// <summary>The wire format: <see cref="JsonFormat"/>, and no text that Postgres cannot store or nobody can read.</summary>
internal static class JsonSetup
{
    private static readonly Action<JsonTypeInfo>[] Unions = [GraderCatalog.AddPolymorphism, AlgorithmCatalog.AddPolymorphism, OptimizerCatalog.AddDefault];

    public static JsonSerializerOptions Options { get; } = Create();

    public static void Apply(JsonSerializerOptions json)
    {
        // Before the others: the first converter that fits is taken.
        json.Converters.Add(new StrictStringConverter());
        json.Converters.Add(new StrictElementConverter());
        JsonFormat.Apply(json, Unions);
    }

    private static JsonSerializerOptions Create()
    {
        var json = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Apply(json);
        json.MakeReadOnly();
        return json;
    }
}
