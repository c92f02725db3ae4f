using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Engine.Rollouts.Constraints;

namespace RftService.Engine.Rollouts;

/// <summary>Holds completions to a form: tokens that would leave it are not drawn. A completion that is cut at the token limit is the beginning of such a text.</summary>
public sealed record ResponseFormat : IValidatableObject
{
    /// <summary>Which form.</summary>
    public required ResponseFormatKind Type { get; init; }

    /// <summary>The schema, for `json_schema`.</summary>
    public JsonSchemaFormat? JsonSchema { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Type == ResponseFormatKind.JsonSchema != JsonSchema is not null)
        {
            yield return new ValidationResult(
                JsonSchema is null ? "json_schema needs a schema: give json_schema" : "belongs to the type json_schema", [nameof(JsonSchema)]);
        }
    }
}

/// <summary>Forms of a completion.</summary>
public enum ResponseFormatKind
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>Any JSON object.</summary>
    JsonObject,

    /// <summary>JSON that a schema allows.</summary>
    JsonSchema,
}

/// <summary>A schema that completions are held to.</summary>
public sealed record JsonSchemaFormat : IValidatableObject
{
    private const int LargestSchema = 131_072;

    /// <summary>Names it; of no effect.</summary>
    [RegularExpression("^[a-zA-Z0-9_-]{1,64}$")]
    public required string Name { get; init; }

    /// <summary>What it is for; of no effect.</summary>
    [StringLength(10_000)]
    public string? Description { get; init; }

    /// <summary>
    /// The part of JSON Schema that OpenAI's structured outputs document: type (or several), properties (all required, additionalProperties false),
    /// items, minItems, maxItems, enum, const, anyOf, $ref to # or $defs; of texts minLength, maxLength, pattern (regular: no lookaround,
    /// back-references or word boundaries) and format (date, time, date-time, uuid, email, ipv4); of numbers minimum, maximum, exclusiveMinimum,
    /// exclusiveMaximum. Any other keyword is refused. Text is compact, members stand in the order of the schema, and numbers have at most 15
    /// digits before and behind the point; with a bound 15 in all, and no exponent.
    /// </summary>
    public required JsonElement Schema { get; init; }

    /// <summary>Completions are always held to the schema; `false` is refused.</summary>
    public bool? Strict { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Strict == false)
        {
            yield return new ValidationResult("expected true: a schema is always kept", [nameof(Strict)]);
        }

        if (Schema.ValueKind == JsonValueKind.Undefined || Schema.GetRawText().Length > LargestSchema)
        {
            yield return new ValidationResult($"expected a schema of at most {LargestSchema} characters", [nameof(Schema)]);
            yield break;
        }

        SchemaRefusedException? refused = null;
        try
        {
            SchemaGrammar.Of(Schema);
        }
        catch (SchemaRefusedException fault)
        {
            refused = fault;
        }

        if (refused is not null)
        {
            // The second name is a JSON pointer below the first.
            yield return new ValidationResult(refused.Message, [nameof(Schema), refused.Place]);
        }
    }
}
