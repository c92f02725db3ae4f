using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using RftService.Engine.Algorithms;
using RftService.Grading;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace RftService.Api.OpenApi;

/// <summary>What the schema generator does not see: defaults that a constructor sets, and JSON of any shape.</summary>
internal sealed class SchemaDetails : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema concrete)
        {
            return;
        }

        if (context.Type == typeof(JsonElement) || typeof(JsonNode).IsAssignableFrom(context.Type))
        {
            concrete.Type = null;
            concrete.Properties?.Clear();
            concrete.AdditionalProperties = null;
            concrete.AdditionalPropertiesAllowed = true;
            concrete.Description ??= "Any JSON";
        }

        // A grader or rule is closed by its union: `additionalProperties: false` beside allOf would refuse the base's members.
        if (typeof(GraderSpec).IsAssignableFrom(context.Type) || typeof(AlgorithmOptions).IsAssignableFrom(context.Type))
        {
            concrete.AdditionalPropertiesAllowed = true;
        }
    }
}
