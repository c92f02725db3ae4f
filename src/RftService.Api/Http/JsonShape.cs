using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace RftService.Api.Http;

/// <summary>What a body may hold at a place, in words for error messages.</summary>
internal static class JsonShape
{
    /// <summary>The type at a path below a body; null when the path leaves what is known.</summary>
    public static Type? At(Type? body, IEnumerable<string> segments)
    {
        var type = body;
        foreach (var segment in segments)
        {
            type = type is null ? null : Step(Info(type), segment);
        }

        return type;
    }

    /// <summary>Names of the members of a type that is reachable from a body.</summary>
    public static string Members(string typeName, Type? body)
    {
        var type = body is null ? null : Reachable(body).FirstOrDefault(candidate => candidate.ToString() == typeName);
        if (type is null)
        {
            return "see the schema of this request at /swagger";
        }

        var names = Info(type).Properties.Select(property => property.Name);
        return string.Join(", ", names.Order(StringComparer.Ordinal));
    }

    /// <summary>Discriminators of a union.</summary>
    public static string Types(Type? union) =>
        union is not null && Info(union).PolymorphismOptions is { } options
            ? string.Join(", ", options.DerivedTypes.Select(derived => derived.TypeDiscriminator))
            : "see the schema of this request at /swagger";

    public static string Describe(Type? type)
    {
        var plain = type is null ? null : Nullable.GetUnderlyingType(type) ?? type;
        return plain switch
        {
            null => "another JSON type here",
            { IsEnum: true } => "one of " + string.Join(", ", Enum.GetNames(plain).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)),
            _ when plain == typeof(string) => "a text",
            _ when plain == typeof(bool) => "true or false",
            _ when plain == typeof(int) || plain == typeof(long) => $"a whole number that fits into {(plain == typeof(int) ? 32 : 64)} bits",
            _ when plain == typeof(double) || plain == typeof(float) || plain == typeof(decimal) => "a number",
            _ when plain == typeof(DateTimeOffset) => "a time as 2026-01-31T12:00:00Z",
            _ => Info(plain).Kind switch
            {
                JsonTypeInfoKind.Enumerable => "an array",
                JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary => "an object",
                _ => "another JSON type here",
            },
        };
    }

    private static JsonTypeInfo Info(Type type) => JsonSetup.Options.GetTypeInfo(Nullable.GetUnderlyingType(type) ?? type);

    private static Type? Step(JsonTypeInfo info, string segment) => info.Kind switch
    {
        JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary => info.ElementType,
        JsonTypeInfoKind.Object => Cases(info).SelectMany(one => one.Properties).FirstOrDefault(property => property.Name == segment)?.PropertyType,
        _ => null,
    };

    // At a union the discriminator is no longer known: the first case that has the member answers.
    private static IEnumerable<JsonTypeInfo> Cases(JsonTypeInfo info) =>
        info.PolymorphismOptions is { } union ? [info, .. union.DerivedTypes.Select(derived => Info(derived.DerivedType))] : [info];

    private static IEnumerable<Type> Reachable(Type body)
    {
        var seen = new HashSet<Type>();
        var open = new Queue<Type>([body]);
        while (open.TryDequeue(out var next))
        {
            var type = Nullable.GetUnderlyingType(next) ?? next;
            if (!seen.Add(type))
            {
                continue;
            }

            yield return type;
            var info = Info(type);
            var below = Cases(info).SelectMany(one => one.Kind == JsonTypeInfoKind.Object ? one.Properties.Select(property => property.PropertyType) : []);
            foreach (var one in below.Concat(Cases(info).Select(one => one.Type)).Concat(info.ElementType is { } element ? [element] : []))
            {
                open.Enqueue(one);
            }
        }
    }
}
