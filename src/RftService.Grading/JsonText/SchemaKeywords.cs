using System.Text.Json;
using System.Text.RegularExpressions;

namespace RftService.Grading.JsonText;

/// <summary>Checks a JSON Schema before it is used: every keyword known and well formed, every reference local and found.</summary>
internal static class SchemaKeywords
{
    private static readonly string[] Types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    // Keyword -> what its value must be.
    private static readonly Dictionary<string, Form> Known = new(StringComparer.Ordinal)
    {
        ["type"] = Form.Type,
        ["enum"] = Form.Array,
        ["const"] = Form.Any,
        ["properties"] = Form.SchemaMap,
        ["patternProperties"] = Form.PatternMap,
        ["additionalProperties"] = Form.Schema,
        ["propertyNames"] = Form.Schema,
        ["required"] = Form.Texts,
        ["dependentRequired"] = Form.TextsMap,
        ["dependentSchemas"] = Form.SchemaMap,
        ["minProperties"] = Form.Count,
        ["maxProperties"] = Form.Count,
        ["items"] = Form.Schema,
        ["prefixItems"] = Form.Schemas,
        ["contains"] = Form.Schema,
        ["minContains"] = Form.Count,
        ["maxContains"] = Form.Count,
        ["minItems"] = Form.Count,
        ["maxItems"] = Form.Count,
        ["uniqueItems"] = Form.Boolean,
        ["minLength"] = Form.Count,
        ["maxLength"] = Form.Count,
        ["pattern"] = Form.Pattern,
        ["format"] = Form.Format,
        ["minimum"] = Form.Number,
        ["maximum"] = Form.Number,
        ["exclusiveMinimum"] = Form.Number,
        ["exclusiveMaximum"] = Form.Number,
        ["multipleOf"] = Form.Positive,
        ["allOf"] = Form.Schemas,
        ["anyOf"] = Form.Schemas,
        ["oneOf"] = Form.Schemas,
        ["not"] = Form.Schema,
        ["if"] = Form.Schema,
        ["then"] = Form.Schema,
        ["else"] = Form.Schema,
        ["$ref"] = Form.Reference,
        ["$defs"] = Form.SchemaMap,
        ["definitions"] = Form.SchemaMap,
        ["$schema"] = Form.Any,
        ["$comment"] = Form.Any,
        ["title"] = Form.Any,
        ["description"] = Form.Any,
        ["default"] = Form.Any,
        ["examples"] = Form.Any,
        ["deprecated"] = Form.Any,
        ["readOnly"] = Form.Any,
        ["writeOnly"] = Form.Any,
    };

    private enum Form
    {
        Any,
        Type,
        Array,
        Schema,
        Schemas,
        SchemaMap,
        PatternMap,
        Texts,
        TextsMap,
        Count,
        Number,
        Positive,
        Boolean,
        Pattern,
        Format,
        Reference,
    }

    /// <summary>Adds the schema's patterns to <paramref name="patterns"/>.</summary>
    /// <exception cref="GraderSpecException">The first fault, with its place.</exception>
    public static void Check(JsonElement root, JsonElement schema, string pointer, Dictionary<string, Regex> patterns)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw new GraderSpecException(pointer, $"Expected a schema (an object, true or false), found {schema.ValueKind}.");
        }

        foreach (var keyword in schema.EnumerateObject())
        {
            var place = $"{pointer}/{PointerName.Escape(keyword.Name)}";
            if (!Known.TryGetValue(keyword.Name, out var form))
            {
                throw new GraderSpecException(place,
                    $"The keyword {keyword.Name} is not supported. Remove it: an unread keyword would promise a check.");
            }

            CheckValue(root, keyword.Value, form, place, patterns);
        }
    }

    private static void CheckValue(JsonElement root, JsonElement value, Form form, string place, Dictionary<string, Regex> patterns)
    {
        var isObject = value.ValueKind == JsonValueKind.Object;
        var isArray = value.ValueKind == JsonValueKind.Array;
        switch (form)
        {
            case Form.Schema:
                Check(root, value, place, patterns);
                break;
            case Form.Schemas:
                Demand(isArray && value.GetArrayLength() > 0, place, "one or more schemas");
                foreach (var (index, part) in value.EnumerateArray().Index())
                {
                    Check(root, part, $"{place}/{index}", patterns);
                }

                break;
            case Form.SchemaMap or Form.PatternMap:
                Demand(isObject, place, "an object of schemas");
                foreach (var part in value.EnumerateObject())
                {
                    Check(root, part.Value, $"{place}/{PointerName.Escape(part.Name)}", patterns);
                    if (form == Form.PatternMap)
                    {
                        Compile(part.Name, $"{place}/{PointerName.Escape(part.Name)}", patterns);
                    }
                }

                break;
            case Form.TextsMap:
                Demand(isObject && value.EnumerateObject().All(part => IsTexts(part.Value)), place, "an object of arrays of names");
                break;
            case Form.Pattern:
                Demand(value.ValueKind == JsonValueKind.String, place, "a regular expression");
                Compile(value.GetString()!, place, patterns);
                break;
            case Form.Reference:
                Demand(value.ValueKind == JsonValueKind.String
                    && Resolve(root, value.GetString()!) is not null, place, "# or #/$defs/name, and a schema there");
                break;
            default:
                var (holds, expected) = form switch
                {
                    Form.Type => (IsType(value), $"one or more of {string.Join(", ", Types)}"),
                    Form.Array => (isArray && value.GetArrayLength() > 0, "one or more values"),
                    Form.Texts => (IsTexts(value), "an array of names"),
                    Form.Count => (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count)
                        && count >= 0, "a whole number from 0"),
                    Form.Number => (value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble()), "a number"),
                    Form.Positive => (value.ValueKind == JsonValueKind.Number && value.GetDouble() > 0
                        && double.IsFinite(value.GetDouble()), "a number above 0"),
                    Form.Boolean => (value.ValueKind is JsonValueKind.True or JsonValueKind.False, "true or false"),
                    Form.Format => (value.ValueKind == JsonValueKind.String && SchemaFormats.Known.Contains(value.GetString()!),
                        $"one of {string.Join(", ", SchemaFormats.Known)}"),
                    _ => (true, ""),
                };
                Demand(holds, place, expected);
                break;
        }
    }

    /// <summary>The schema that a reference names, or null.</summary>
    public static JsonElement? Resolve(JsonElement root, string reference)
    {
        // Only places that hold checked schemas.
        if (reference == "#")
        {
            return root;
        }

        return reference.Split('/') is ["#", "$defs" or "definitions", var name] && root.ValueKind == JsonValueKind.Object
            && root.TryGetProperty(reference.Split('/')[1], out var schemas) && schemas.ValueKind == JsonValueKind.Object
            && schemas.TryGetProperty(
                Uri.UnescapeDataString(name).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal),
                    out var schema)
            ? schema
            : null;
    }

    // Linear matching only: a schema's pattern meets text that a model wrote.
    private static void Compile(string pattern, string place, Dictionary<string, Regex> patterns)
    {
        Demand(pattern.Length <= SpecLimits.Pattern, place, $"a pattern of at most {SpecLimits.Pattern} characters");
        try
        {
            patterns.TryAdd(pattern, new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5)));
        }
        catch (Exception fault) when (fault is RegexParseException or NotSupportedException)
        {
            throw new GraderSpecException(place, "Expected a regular expression without lookaround and backreferences. Correct the pattern.");
        }
    }

    private static bool IsType(JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? value.GetArrayLength() > 0 && value.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String && IsType(part))
        : value.ValueKind == JsonValueKind.String && Types.Contains(value.GetString());

    private static bool IsTexts(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String);

    private static void Demand(bool holds, string place, string expected)
    {
        if (!holds)
        {
            throw new GraderSpecException(place, $"Expected {expected}.");
        }
    }
}
