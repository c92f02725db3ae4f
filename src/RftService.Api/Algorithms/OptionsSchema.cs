using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using RftService.Api.Http;
using RftService.Api.OpenApi;
using RftService.Engine.Algorithms;

namespace RftService.Api.Algorithms;

/// <summary>One option of a learning rule.</summary>
/// <param name="Name">Member of `algorithm`.</param>
/// <param name="Description">What it means.</param>
/// <param name="Default">Its value when absent.</param>
/// <param name="Schema">JSON Schema: type, range, allowed values.</param>
public sealed record AlgorithmOption(string Name, string Description, JsonNode? Default, JsonNode? Schema);

/// <summary>JSON Schema of options records, from their types, annotations and comments.</summary>
internal static class OptionsSchema
{
    private static readonly JsonSchemaExporterOptions Exporter = new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Annotate };

    public static JsonNode SchemaOf(AlgorithmEntry entry)
    {
        var schema = JsonSetup.Options.GetJsonSchemaAsNode(entry.OptionsType, Exporter).AsObject();
        schema.Remove("type");
        var own = (schema["properties"] as JsonObject)?.DeepClone().AsObject() ?? [];
        var properties = new JsonObject { ["type"] = new JsonObject { ["const"] = entry.Name } };
        foreach (var (name, option) in own)
        {
            properties[name] = option?.DeepClone();
        }

        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["type"] = "object",
            ["properties"] = properties,
            ["required"] = new JsonArray("type"),
            ["additionalProperties"] = false,
        };
    }

    public static IReadOnlyList<AlgorithmOption> OptionsOf(AlgorithmEntry entry)
    {
        var properties = SchemaOf(entry)["properties"]!.AsObject();
        var defaults = JsonSerializer.SerializeToNode(entry.Defaults, entry.OptionsType, JsonSetup.Options)!.AsObject();
        return [.. properties.Where(pair => pair.Key != "type").Select(pair => new AlgorithmOption(
            pair.Key,
            pair.Value?["description"]?.GetValue<string>() ?? "",
            defaults[pair.Key]?.DeepClone(),
            pair.Value?.DeepClone()))];
    }

    private static JsonObject Annotate(JsonSchemaExporterContext context, JsonNode schema)
    {
        // The exporter knows nothing of our own converter for texts.
        var node = context.TypeInfo.Type == typeof(string) ? new JsonObject { ["type"] = "string" } : schema as JsonObject ?? [];
        if (context.PropertyInfo?.AttributeProvider is not MemberInfo member)
        {
            return node;
        }

        if (XmlDocs.SummaryOf(member) is { } summary)
        {
            node["description"] = summary;
        }

        if (member.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            node["minimum"] = JsonSerializer.SerializeToNode(range.Minimum);
            node["maximum"] = JsonSerializer.SerializeToNode(range.Maximum);
        }

        return node;
    }
}
