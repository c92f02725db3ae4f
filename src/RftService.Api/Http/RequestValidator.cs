using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using RftService.Grading.JsonText;

namespace RftService.Api.Http;

/// <summary>
/// Validates annotations all the way down: records, unions, lists, dictionaries, IValidatableObject.
/// The framework's own validation does not look inside unions whose cases are registered at run time.
/// </summary>
internal static class RequestValidator
{
    public static async ValueTask<object?> FilterAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (UnknownParameters(context) is { Count: > 0 } unknown)
        {
            return Problems.Invalid(unknown);
        }

        foreach (var argument in context.Arguments)
        {
            var errors = argument switch
            {
                IRequestBody => Validate(argument, "/"),
                IRequestQuery => Validate(argument, "?"),
                _ => [],
            };
            if (errors.Count > 0)
            {
                return Problems.Invalid(errors);
            }
        }

        return await next(context);
    }

    // A misspelt filter would be left out in silence and answer with too much.
    private static List<ProblemError> UnknownParameters(EndpointFilterInvocationContext context)
    {
        var known = context.Arguments.OfType<IRequestQuery>()
            .SelectMany(query => query.GetType().GetProperties())
            .Select(property => property.GetCustomAttribute<FromQueryAttribute>()?.Name)
            .OfType<string>()
            .ToList();
        return [.. context.HttpContext.Request.Query.Keys
            .Where(key => !known.Contains(key, StringComparer.OrdinalIgnoreCase))
            .Select(key => new ProblemError("?" + key, "unknown_field",
                known.Count == 0 ? "this path takes no query parameters" : $"'{key}' is not known here; known: {string.Join(", ", known)}"))];
    }

    /// <summary>Every fault of a body, each with its JSON pointer.</summary>
    /// <param name="value">A record.</param>
    /// <param name="root">`/` for a body, `?` for query parameters.</param>
    public static IReadOnlyList<ProblemError> Validate(object value, string root = "/")
    {
        var errors = new List<ProblemError>();
        Walk(value, root, errors);
        return errors;
    }

    private static void Walk(object value, string prefix, List<ProblemError> errors)
    {
        var before = errors.Count;
        foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetIndexParameters().Length == 0)
            {
                Check(property, value, prefix + NameOf(property.Name), errors);
            }
        }

        // Rules over several members assume that each member alone is right.
        if (value is IValidatableObject rules && errors.Count == before)
        {
            errors.AddRange(rules.Validate(new ValidationContext(value))
                .Where(result => result != ValidationResult.Success)
                .Select(result => new ProblemError(
                    prefix + PlaceOf(result), "invalid_value", result.ErrorMessage ?? "is not valid")));
        }
    }

    // The first name is a member; a second one is a JSON pointer into it, where the member is JSON of the client's own.
    private static string PlaceOf(ValidationResult result) => string.Concat(result.MemberNames.Take(1).Select(NameOf).Concat(result.MemberNames.Skip(1)));

    private static void Check(PropertyInfo property, object owner, string pointer, List<ProblemError> errors)
    {
        var value = property.GetValue(owner);
        var context = new ValidationContext(owner) { MemberName = property.Name, DisplayName = NameOf(property.Name) };
        foreach (var rule in property.GetCustomAttributes<ValidationAttribute>(inherit: true))
        {
            if (rule.GetValidationResult(value, context) is { } fault)
            {
                errors.Add(Explain(rule, value, fault, pointer));
            }
        }

        Descend(value, pointer, errors);
    }

    private static void Descend(object? value, string pointer, List<ProblemError> errors)
    {
        switch (value)
        {
            case null or string or JsonElement:
                break;
            case double number when !double.IsFinite(number):
                errors.Add(new ProblemError(pointer, "out_of_range", "the number is too large for 64-bit floating point"));
                break;
            case float number when !float.IsFinite(number):
                errors.Add(new ProblemError(pointer, "out_of_range", "the number is too large for 32-bit floating point"));
                break;
            case IDictionary map:
                foreach (DictionaryEntry entry in map)
                {
                    Element(entry.Value, $"{pointer}/{PointerName.Escape(Convert.ToString(entry.Key, CultureInfo.InvariantCulture) ?? "")}", errors);
                }

                break;
            case IEnumerable list:
                var index = 0;
                foreach (var item in list)
                {
                    Element(item, $"{pointer}/{index++}", errors);
                }

                break;
            default:
                if (value.GetType() is { IsClass: true, Namespace: { } space } && space.StartsWith("RftService", StringComparison.Ordinal))
                {
                    Walk(value, pointer + "/", errors);
                }

                break;
        }
    }

    // The serializer lets null pass as an element, whatever the type says.
    private static void Element(object? value, string pointer, List<ProblemError> errors)
    {
        if (value is null)
        {
            errors.Add(new ProblemError(pointer, "null_value", "null is not allowed here: give a value or leave it out"));
        }

        Descend(value, pointer, errors);
    }

    private static ProblemError Explain(ValidationAttribute rule, object? value, ValidationResult fault, string pointer) => rule switch
    {
        RangeAttribute range => new(pointer, "out_of_range", string.Create(CultureInfo.InvariantCulture, $"expected {range.Minimum} to {range.Maximum}, got {value}")),
        StringLengthAttribute length => new(pointer, "invalid_length",
            $"expected {length.MinimumLength} to {length.MaximumLength} characters, got {(value as string)?.Length}"),
        MinLengthAttribute min => new(pointer, "invalid_length", $"expected at least {min.Length}, got {Count(value)}"),
        MaxLengthAttribute max => new(pointer, "invalid_length", $"expected at most {max.Length}, got {Count(value)}"),
        RegularExpressionAttribute pattern => new(pointer, "invalid_format", $"expected a text that matches {pattern.Pattern}"),
        _ => new(pointer, "invalid_value", fault.ErrorMessage ?? "is not valid"),
    };

    private static int Count(object? value) => value switch
    {
        string text => text.Length,
        ICollection list => list.Count,
        IEnumerable list => list.Cast<object?>().Count(),
        _ => 0,
    };

    private static string NameOf(string member) => JsonNamingPolicy.SnakeCaseLower.ConvertName(member);
}
