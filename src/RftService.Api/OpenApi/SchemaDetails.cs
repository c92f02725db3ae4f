using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.OpenApi;
using RftService.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace RftService.Api.OpenApi;

/// <summary>
/// Required, nullable and default as the serializer sees them: a member is required when reading fails without it, and any other
/// member of a request has the default that its record gives it. Generated clients need all three to send nothing by accident.
/// </summary>
internal sealed class SchemaDetails : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (context.MemberInfo is not null || schema is not OpenApiSchema concrete
            || context.Type.Namespace?.StartsWith("RftService", StringComparison.Ordinal) != true || context.Type.IsEnum)
        {
            return;
        }

        var info = JsonSetup.Options.GetTypeInfo(context.Type);
        if (info.Kind != JsonTypeInfoKind.Object)
        {
            return;
        }

        var defaults = DefaultsOf(info);
        foreach (var part in (concrete.AllOf ?? []).OfType<OpenApiSchema>().Append(concrete))
        {
            Describe(part, info, defaults);
        }

        // `additionalProperties: false` in one part of an allOf would refuse the members of the others.
        if (concrete.AllOf is { Count: > 0 } || concrete.Discriminator is not null)
        {
            foreach (var part in (concrete.AllOf ?? []).OfType<OpenApiSchema>().Append(concrete))
            {
                part.AdditionalPropertiesAllowed = true;
            }
        }
    }

    private static void Describe(OpenApiSchema part, JsonTypeInfo info, JsonObject? defaults)
    {
        foreach (var property in info.Properties)
        {
            if (part.Properties is not { } members || !members.TryGetValue(property.Name, out var member))
            {
                continue;
            }

            part.Required ??= new HashSet<string>();
            _ = property.IsRequired ? part.Required.Add(property.Name) : part.Required.Remove(property.Name);
            if (member is OpenApiSchema own)
            {
                SetNullable(own, IsNullable(property));
                own.Default = property.IsRequired ? null : defaults?[property.Name]?.DeepClone();
            }
        }
    }

    private static bool IsNullable(JsonPropertyInfo property) =>
        property.PropertyType.IsValueType
            ? Nullable.GetUnderlyingType(property.PropertyType) is not null
            : property.IsGetNullable || property.IsSetNullable;

    private static void SetNullable(OpenApiSchema member, bool nullable)
    {
        if (member.Type is { } type)
        {
            member.Type = nullable ? type | JsonSchemaType.Null : type & ~JsonSchemaType.Null;
        }
        else if (member.AllOf is { Count: > 0 } && nullable)
        {
            member.Type = JsonSchemaType.Null;
        }
    }

    // Only records that can be made from nothing have defaults; answers are made by their constructors. Read member by member:
    // the required ones are still empty and could not be written.
    private static JsonObject? DefaultsOf(JsonTypeInfo info)
    {
        if (info.Type.IsAbstract || info.Type.GetConstructor(Type.EmptyTypes) is null)
        {
            return null;
        }

        var instance = Activator.CreateInstance(info.Type)!;
        return new JsonObject(info.Properties
            .Where(property => !property.IsRequired && property.Get is not null)
            .Select(property => KeyValuePair.Create(
                property.Name, JsonSerializer.SerializeToNode(property.Get!(instance), property.PropertyType, JsonSetup.Options))));
    }
}
