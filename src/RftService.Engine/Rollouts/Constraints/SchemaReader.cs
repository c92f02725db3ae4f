using System.Text.Encodings.Web;
using System.Text.Json;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>
/// Reads the part of JSON Schema that OpenAI's structured outputs document
/// (https://platform.openai.com/docs/guides/structured-outputs/supported-schemas), and lengths of texts. What is not of it is refused, never passed
/// over.
/// </summary>
internal sealed class SchemaReader
{
    /// <summary>The definition that the whole schema is.</summary>
    public const string Root = "#";

    private const int MostNesting = 10;
    private const int MostParts = 5000;
    private const int MostLiterals = 1000;
    private const int MostItems = 1000;

    private static readonly string[] Holders = ["$defs", "definitions"];
    private static readonly string[] Annotations = ["title", "description", "default", "examples", "$comment"];
    private static readonly string[] Keywords =
    [
        "type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "enum", "const", "anyOf", "$ref", "$defs", "definitions", "$schema",
        .. ScalarReader.TextKeywords, .. ScalarReader.NumberKeywords,
    ];
    private static readonly string[] Types = ["object", "array", "string", "number", "integer", "boolean", "null"];
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Dictionary<string, JsonShape> _definitions = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly ScalarReader _scalars = new();
    private int _parts;

    /// <summary>The definitions by their pointers, <see cref="Root"/> among them.</summary>
    /// <exception cref="SchemaRefusedException">It holds what is not supported.</exception>
    public static IReadOnlyDictionary<string, JsonShape> Read(JsonElement schema)
    {
        var reader = new SchemaReader();
        (string Name, JsonElement Schema)[] definitions = [.. Holders.SelectMany(holder => Definitions(schema, holder))];
        reader._names.UnionWith(definitions.Select(definition => definition.Name));
        reader._names.Add(Root);
        foreach (var (name, definition) in definitions)
        {
            reader._definitions[name] = reader.Read(definition, name[1..], 0);
        }

        reader._definitions[Root] = reader.Read(schema, "", 0);
        return reader._definitions;
    }

    private static IEnumerable<(string Name, JsonElement Schema)> Definitions(JsonElement schema, string holder)
    {
        if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty(holder, out var all))
        {
            return [];
        }

        return all.ValueKind == JsonValueKind.Object
            ? all.EnumerateObject().Select(one => ($"#/{holder}/{Escape(one.Name)}", one.Value))
            : throw new SchemaRefusedException($"/{holder}", "expected an object of schemas");
    }

    private JsonShape Read(JsonElement schema, string place, int depth)
    {
        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw new SchemaRefusedException(place, "expected a schema, which is an object");
        }

        if (depth > MostNesting)
        {
            throw new SchemaRefusedException(place, $"schemas may be nested {MostNesting} deep, in definitions ($defs) anew");
        }

        if (++_parts > MostParts)
        {
            throw new SchemaRefusedException(place, $"expected at most {MostParts} schemas in all");
        }

        var members = MembersOf(schema, place);
        var core = members.Keys.Except(Annotations).Except(place.Length == 0 ? ["$defs", "definitions", "$schema"] : []).ToList();
        if (core.FirstOrDefault(key => !Keywords.Contains(key) || key is "$defs" or "definitions" or "$schema") is { } unknown)
        {
            throw new SchemaRefusedException($"{place}/{Escape(unknown)}", Keywords.Contains(unknown)
                ? "only the whole schema may hold it"
                : $"is not supported; supported are {string.Join(", ", Keywords)}");
        }

        return members switch
        {
            { } when members.TryGetValue("$ref", out var reference) => Alone(core, "$ref", place, () => Reference(reference, place + "/$ref")),
            { } when members.TryGetValue("anyOf", out var ways) => Alone(core, "anyOf", place, () => AnyOf(ways, place + "/anyOf", depth)),
            { } when members.ContainsKey("enum") || members.ContainsKey("const") => Literal(members, core, place),
            { } when members.TryGetValue("type", out var type) => Typed(type, members, core, place, depth),
            _ => throw new SchemaRefusedException(place, "expected one of type, enum, const, anyOf, $ref"),
        };
    }

    private static Dictionary<string, JsonElement> MembersOf(JsonElement schema, string place)
    {
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in schema.EnumerateObject())
        {
            if (!members.TryAdd(member.Name, member.Value))
            {
                throw new SchemaRefusedException($"{place}/{Escape(member.Name)}", "stands there twice");
            }
        }

        return members;
    }

    private static JsonShape Alone(List<string> core, string keyword, string place, Func<JsonShape> read) =>
        core.FirstOrDefault(key => key != keyword) is { } other
            ? throw new SchemaRefusedException($"{place}/{Escape(other)}", $"is not supported beside {keyword}")
            : read();

    private JsonShape.Reference Reference(JsonElement reference, string place) =>
        Text(reference, place) is var name && _names.Contains(name)
            ? new JsonShape.Reference(name)
            : throw new SchemaRefusedException(place, $"expected # or #/$defs/ and a name that is there, got {name}");

    private JsonShape.AnyOf AnyOf(JsonElement ways, string place, int depth) => ways.ValueKind == JsonValueKind.Array && ways.GetArrayLength() > 0
        ? new JsonShape.AnyOf([.. ways.EnumerateArray().Select((way, i) => Read(way, $"{place}/{i}", depth + 1))])
        : throw new SchemaRefusedException(place, "expected a list of schemas, not empty");

    private static JsonShape.Literal Literal(Dictionary<string, JsonElement> members, List<string> core, string place)
    {
        if (core.FirstOrDefault(key => key is not ("enum" or "const" or "type")) is { } other)
        {
            throw new SchemaRefusedException($"{place}/{Escape(other)}", "is not supported beside enum or const");
        }

        var keyword = members.ContainsKey("enum") ? "enum" : "const";
        if (core.Contains("enum") && core.Contains("const"))
        {
            throw new SchemaRefusedException($"{place}/const", "is not supported beside enum");
        }

        JsonElement[] values = keyword == "const" ? [members["const"]]
            : members["enum"] is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()]
            : throw new SchemaRefusedException($"{place}/enum", "expected a list of values");
        if (values.Length is 0 or > MostLiterals)
        {
            throw new SchemaRefusedException($"{place}/enum", $"expected 1 to {MostLiterals} values, got {values.Length}");
        }

        var types = members.TryGetValue("type", out var type) ? TypesOf(type, place + "/type") : null;
        if (values.FirstOrDefault(value => types is not null && !types.Any(one => Is(value, one))) is { ValueKind: not JsonValueKind.Undefined } odd)
        {
            throw new SchemaRefusedException($"{place}/{keyword}", $"{odd.GetRawText()} is not of the type beside it");
        }

        return new JsonShape.Literal([.. values.Select(value => Written(value, $"{place}/{keyword}"))], values.Max(LevelsOf));
    }

    private JsonShape Typed(JsonElement type, Dictionary<string, JsonElement> members, List<string> core, string place, int depth)
    {
        var types = TypesOf(type, place + "/type");
        foreach (var key in core.Where(key => key != "type"))
        {
            var owner = key is "items" or "minItems" or "maxItems" ? "array"
                : ScalarReader.TextKeywords.Contains(key) ? "string"
                : ScalarReader.NumberKeywords.Contains(key) ? "number"
                : "object";
            if (!types.Contains(owner) && !(owner == "number" && types.Contains("integer")))
            {
                throw new SchemaRefusedException($"{place}/{key}", $"belongs to the type {owner}");
            }
        }

        JsonShape[] shapes = [.. types.Select<string, JsonShape>(one => one switch
        {
            "object" => Members(members, place, depth),
            "array" => Items(members, place, depth),
            "string" => _scalars.Text(members, place),
            "boolean" => new JsonShape.Literal(["true", "false"], 0),
            "null" => new JsonShape.Literal(["null"], 0),
            _ => _scalars.Number(members, one == "integer", place),
        })];
        return shapes is [var only] ? only : new JsonShape.AnyOf(shapes);
    }

    private JsonShape.Members Members(Dictionary<string, JsonElement> members, string place, int depth)
    {
        if (!members.TryGetValue("additionalProperties", out var additional) || additional.ValueKind != JsonValueKind.False)
        {
            throw new SchemaRefusedException($"{place}/additionalProperties", "expected false");
        }

        if (!members.TryGetValue("properties", out var properties) || properties.ValueKind != JsonValueKind.Object)
        {
            throw new SchemaRefusedException($"{place}/properties", "expected an object of schemas");
        }

        var all = MembersOf(properties, $"{place}/properties");
        var required = members.TryGetValue("required", out var names) ? Texts(names, $"{place}/required") : [];
        if (!all.Keys.ToHashSet().SetEquals(required))
        {
            throw new SchemaRefusedException($"{place}/required",
                "expected the names of all properties: give one that may be missing the type null beside its own");
        }

        return new JsonShape.Members([.. all.Select(property =>
            (Written(property.Key), Read(property.Value, $"{place}/properties/{Escape(property.Key)}", depth + 1)))]);
    }

    private JsonShape.Items Items(Dictionary<string, JsonElement> members, string place, int depth)
    {
        int? Count(string key) => !members.TryGetValue(key, out var value) ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count is >= 0 and <= MostItems ? count
            : throw new SchemaRefusedException($"{place}/{key}", $"expected a whole number of 0 to {MostItems}");

        var (least, most) = (Count("minItems") ?? 0, Count("maxItems"));
        if (least > most)
        {
            throw new SchemaRefusedException($"{place}/minItems", $"expected at most maxItems, which is {most}, got {least}");
        }

        return members.TryGetValue("items", out var items)
            ? new JsonShape.Items(Read(items, $"{place}/items", depth + 1), least, most)
            : throw new SchemaRefusedException($"{place}/items", "expected a schema");
    }

    private static string[] TypesOf(JsonElement type, string place)
    {
        string[] types = type.ValueKind == JsonValueKind.String ? [Text(type, place)] : Texts(type, place);
        return types.Length > 0 && types.Distinct().Count() == types.Length && types.All(Types.Contains)
            ? types
            : throw new SchemaRefusedException(place, $"expected one of {string.Join(", ", Types)}, or a list of them");
    }

    private static bool Is(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.Number => type == "number" || (type == "integer" && value.TryGetDecimal(out var number) && decimal.IsInteger(number)),
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        var kind => string.Equals(kind.ToString(), type, StringComparison.OrdinalIgnoreCase),
    };

    private static int LevelsOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => 1 + value.EnumerateArray().Select(LevelsOf).DefaultIfEmpty(0).Max(),
        JsonValueKind.Object => 1 + value.EnumerateObject().Select(member => LevelsOf(member.Value)).DefaultIfEmpty(0).Max(),
        _ => 0,
    };

    internal static string Text(JsonElement value, string place)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new SchemaRefusedException(place, "expected a text");
        }
        catch (InvalidOperationException)
        {
            throw new SchemaRefusedException(place, "escapes half a surrogate pair, which is no text");
        }
    }

    private static string[] Texts(JsonElement values, string place) => values.ValueKind == JsonValueKind.Array
        ? [.. values.EnumerateArray().Select((value, i) => Text(value, $"{place}/{i}"))]
        : throw new SchemaRefusedException(place, "expected a list of texts");

    private static string Written(string text) => JsonSerializer.Serialize(text, Plain);

    private static string Written(JsonElement value, string place)
    {
        try
        {
            return JsonSerializer.Serialize(value, Plain);
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException or JsonException)
        {
            throw new SchemaRefusedException(place, "escapes half a surrogate pair, which is no text");
        }
    }

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
