using System.Collections;
using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using RftService.Grading.JsonText;

namespace RftService.Grading;

/// <summary>Checks a spec tree before a grader is made of it: size, names, absent values, and the annotations of every option.</summary>
internal static class SpecValidation
{
    public const int MaxNodes = 64;
    public const int MaxDepth = 8;

    private static readonly ConcurrentDictionary<Type, IReadOnlyList<Option>> Options = new();

    /// <exception cref="GraderSpecException">The first fault, with its place.</exception>
    public static void Check(GraderSpec root) => CheckNode(root, "", depth: 1, new Dictionary<string, string>(StringComparer.Ordinal));

    private static void CheckNode(GraderSpec node, string pointer, int depth, Dictionary<string, string> names)
    {
        if (depth > MaxDepth)
        {
            throw new GraderSpecException(pointer, $"Expected graders nested at most {MaxDepth} deep. Flatten the tree.");
        }

        if (names.Count == MaxNodes)
        {
            throw new GraderSpecException(pointer, $"Expected at most {MaxNodes} graders in one reward. Remove some.");
        }

        CheckOptions(node, pointer, depth, names);
    }

    private static void CheckOptions(object holder, string pointer, int depth, Dictionary<string, string> names)
    {
        var options = Options.GetOrAdd(holder.GetType(), Describe);
        var values = new object?[options.Count];
        for (var i = 0; i < options.Count; i++)
        {
            values[i] = options[i].Property.GetValue(holder);
            CheckValue(options[i], values[i], holder, $"{pointer}/{options[i].Name}");
        }

        // The names of a node come before those of its parts, so that a duplicate is reported at the later place.
        if (holder is GraderSpec spec && !names.TryAdd(spec.Name, pointer))
        {
            var owner = names[spec.Name].Length == 0 ? "the outermost grader" : names[spec.Name];
            throw new GraderSpecException($"{pointer}/name", $"The name {spec.Name} is taken by {owner}. Give every grader its own name.");
        }

        for (var i = 0; i < options.Count; i++)
        {
            CheckParts(values[i], $"{pointer}/{options[i].Name}", depth, names);
        }
    }

    private static void CheckValue(Option option, object? value, object holder, string pointer)
    {
        if (value is null)
        {
            if (!option.Nullable)
            {
                throw new GraderSpecException(pointer, "Expected a value, found null.");
            }

            return;
        }

        // Range lets NaN through, and JSON numbers as 1e999 read as infinity.
        if (value is double number && !double.IsFinite(number))
        {
            throw new GraderSpecException(pointer, $"Expected a finite number, found {number}.");
        }

        if (value is Enum named && !Enum.IsDefined(named.GetType(), named))
        {
            throw new GraderSpecException(pointer, $"Found {named:D}, which is no value of {option.Name}.");
        }

        var context = new ValidationContext(holder) { MemberName = option.Property.Name, DisplayName = option.Name };
        foreach (var rule in option.Rules)
        {
            if (rule.GetValidationResult(value, context) is { } fault)
            {
                throw new GraderSpecException(pointer, fault.ErrorMessage ?? $"{option.Name} is out of range.");
            }
        }
    }

    private static void CheckParts(object? value, string pointer, int depth, Dictionary<string, string> names)
    {
        switch (value)
        {
            case null or string:
                break;
            case GraderSpec child:
                CheckNode(child, pointer, depth + 1, names);
                break;
            case IReadOnlyDictionary<string, GraderSpec> named:
                foreach (var (key, child) in named)
                {
                    var at = $"{pointer}/{PointerName.Escape(key)}";
                    CheckNode(child ?? throw new GraderSpecException(at, "Expected a grader, found null."), at, depth + 1, names);
                }

                break;
            case IEnumerable list:
                var index = 0;
                foreach (var entry in list)
                {
                    var place = $"{pointer}/{index++}";
                    CheckParts(entry ?? throw new GraderSpecException(place, "Expected a value, found null."), place, depth, names);
                }

                break;
            default:
                if (value.GetType() is { IsClass: true } type && type.Assembly == typeof(SpecValidation).Assembly)
                {
                    CheckOptions(value, pointer, depth, names);
                }

                break;
        }
    }

    private static Option[] Describe(Type type)
    {
        var nullability = new NullabilityInfoContext();
        return type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.GetIndexParameters().Length == 0)
            .Select(property => new Option(
                property,
                JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name),
                nullability.Create(property).ReadState == NullabilityState.Nullable,
                property.GetCustomAttributes<ValidationAttribute>().ToArray()))
            .ToArray();
    }

    private sealed record Option(PropertyInfo Property, string Name, bool Nullable, IReadOnlyList<ValidationAttribute> Rules);
}
