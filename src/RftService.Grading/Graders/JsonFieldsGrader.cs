using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.JsonText;
using RftService.Grading.Numbers;
using RftService.Grading.Templates;

namespace RftService.Grading.Graders;

/// <summary>Compares the fields of a JSON completion with those of a reference: the weighted share that is right.</summary>
public sealed record JsonFieldsSpec : GraderSpec
{
    /// <summary>Template of the text that is judged.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string Input { get; init; } = "{{ sample.output_text }}";

    /// <summary>Template of a JSON value, mostly a field as `{{ item.answer }}`: an object of the row, or a text that holds JSON.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public required string Reference { get; init; }

    /// <summary>1 to 64 fields; absent: every member of the reference, exactly and with equal weight.</summary>
    [Length(1, 64)]
    public IReadOnlyList<JsonField>? Fields { get; init; }

    /// <summary>Members that the reference lacks cost: the grade is divided by one plus their number.</summary>
    public bool RefuseExtra { get; init; }

    /// <summary>Where the JSON of the input stands.</summary>
    public JsonExtraction Extract { get; init; } = JsonExtraction.Whole;
}

/// <summary>A field that is compared.</summary>
public sealed record JsonField
{
    /// <summary>JSON pointer, as `/address/city` or `/items/0`.</summary>
    [StringLength(256, MinimumLength = 1)]
    [RegularExpression("^(/([^~/]|~[01])*)+$", ErrorMessage = "Expected a JSON pointer, as /address/city.")]
    public required string Path { get; init; }

    /// <summary>Its share of the grade, against the other weights.</summary>
    [Range(1e-6, 1e6)]
    public double Weight { get; init; } = 1;

    /// <summary>When two values are the same.</summary>
    public JsonComparison Comparison { get; init; } = JsonComparison.Exact;

    /// <summary>For `number`: largest distance that still counts as equal.</summary>
    [Range(0.0, 1e12)]
    public double Tolerance { get; init; }
}

/// <summary>When two JSON values are the same.</summary>
public enum JsonComparison
{
    /// <summary>The same JSON: 1 and 1.0 are equal, members may come in any order, the items of arrays may not.</summary>
    Exact,

    /// <summary>Texts, without regard to case and to the amount of white space.</summary>
    Text,

    /// <summary>Numbers, also numerals in texts, within the tolerance.</summary>
    Number,

    /// <summary>Arrays with the same items in any order.</summary>
    Unordered,
}

/// <summary>Compares two JSON values field by field.</summary>
internal sealed class JsonFieldsGrader(JsonFieldsSpec spec, Template input, Template reference) : IGrader<JsonFieldsGrader, JsonFieldsSpec>
{
    // Comparing unordered arrays is quadratic.
    private const int MaxItems = 1000;

    public static string TypeName => "json_fields";

    public static string Summary => "The weighted share of JSON fields that equal those of the reference.";

    public static JsonFieldsGrader Create(JsonFieldsSpec spec) =>
        new(spec, Template.ParseOption(spec.Input, "/input"), Template.ParseReference(spec.Reference));

    public RowFault? Reject(JsonElement item)
    {
        if ((reference.Reject(item) ?? input.Reject(item)) is { } fault)
        {
            return fault;
        }

        _ = reference.TryRender(item, null, out var text, out _);
        return Expected(text, out _, out var wanting) ? null : new RowFault(reference.ItemPointer, wanting);
    }

    public Grade Score(GradingInput given)
    {
        if (!input.TryRender(given.Item, given.OutputText, out var text, out var missing)
            || !reference.TryRender(given.Item, given.OutputText, out var wanted, out missing))
        {
            return Grade.Missing(missing);
        }

        if (!Expected(wanted, out var fields, out var fault))
        {
            return Grade.Failed(GradeError.OtherError, fault);
        }

        if (CompletionJson.Parse(text, spec.Extract) is not { } value)
        {
            return Grade.Of(0, "not_json");
        }

        double right = 0, all = 0;
        var wrong = new List<string>();
        foreach (var (field, expected) in fields)
        {
            all += field.Weight;
            if (Find(value, field.Path) is { } found && Same(field, expected, found))
            {
                right += field.Weight;
            }
            else
            {
                wrong.Add(field.Path);
            }
        }

        var extra = spec.RefuseExtra ? Extra(value, wanted) : 0;
        return Grade.Of(right / all / (1 + extra), wrong.Count == 0 ? null : "wrong: " + string.Join(", ", wrong.Take(10)));
    }

    // The fields with their expected values; false when the reference is no JSON or lacks one.
    private bool Expected(string text, out List<(JsonField Field, JsonElement Value)> fields, out string fault)
    {
        (fields, fault) = ([], "");
        if (CompletionJson.Parse(text, JsonExtraction.Whole) is not { } value)
        {
            fault = "Expected a JSON reference, found other text.";
            return false;
        }

        if (spec.Fields is null && (value.ValueKind != JsonValueKind.Object || !value.EnumerateObject().Any()))
        {
            fault = "Expected a JSON object with members as reference, or name the fields.";
            return false;
        }

        foreach (var field in spec.Fields ?? value.EnumerateObject().Select(member => new JsonField { Path = "/" + PointerName.Escape(member.Name) }))
        {
            if (Find(value, field.Path) is not { } expected)
            {
                fault = $"The reference has nothing at {field.Path}.";
                return false;
            }

            if (field.Comparison == JsonComparison.Number && NumberOf(expected) is null)
            {
                fault = $"Expected a number at {field.Path} of the reference.";
                return false;
            }

            fields.Add((field, expected));
        }

        return true;
    }

    private static int Extra(JsonElement value, string wanted) =>
        CompletionJson.Parse(wanted, JsonExtraction.Whole) is { ValueKind: JsonValueKind.Object } expected && value.ValueKind == JsonValueKind.Object
            ? value.EnumerateObject().Count(member => !expected.TryGetProperty(member.Name, out _))
            : 0;

    private static bool Same(JsonField field, JsonElement expected, JsonElement found) => field.Comparison switch
    {
        JsonComparison.Exact => JsonElement.DeepEquals(expected, found),
        JsonComparison.Text => TextOf(expected) is { } text && TextOf(found) is { } other
            && string.Equals(text, other, StringComparison.OrdinalIgnoreCase),
        JsonComparison.Number => NumberOf(expected) is { } number && NumberOf(found) is { } near
            && near.IsNear(number, Rational.FromShownDecimal(field.Tolerance), Rational.FromShownDecimal(0)),
        JsonComparison.Unordered => SameItems(expected, found),
    };

    private static bool SameItems(JsonElement expected, JsonElement found)
    {
        if (expected.ValueKind != JsonValueKind.Array || found.ValueKind != JsonValueKind.Array
            || expected.GetArrayLength() != found.GetArrayLength() || expected.GetArrayLength() > MaxItems)
        {
            return false;
        }

        var left = found.EnumerateArray().ToList();
        foreach (var item in expected.EnumerateArray())
        {
            var at = left.FindIndex(other => JsonElement.DeepEquals(item, other));
            if (at < 0)
            {
                return false;
            }

            left.RemoveAt(at);
        }

        return true;
    }

    private static string? TextOf(JsonElement value) => value.ValueKind == JsonValueKind.String && value.GetString() is { } text
        ? string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        : null;

    private static Rational? NumberOf(JsonElement value) =>
        (value.ValueKind == JsonValueKind.Number ? value.GetRawText() : value.ValueKind == JsonValueKind.String ? value.GetString() : null)
            is { } text
            ? NumberReader.First(text, 0, text.Length)?.Evaluate(text)
            : null;

    private static JsonElement? Find(JsonElement value, string pointer)
    {
        foreach (var step in pointer.Split('/').Skip(1))
        {
            var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member))
            {
                value = member;
            }
            else if (value.ValueKind == JsonValueKind.Array && int.TryParse(name, out var index) && index >= 0 && index < value.GetArrayLength())
            {
                value = value[index];
            }
            else
            {
                return null;
            }
        }

        return value;
    }
}
