using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using RftService.Grading.Templates;
using RftService.Grading.Text;

namespace RftService.Grading.Graders;

/// <summary>Compares two texts: 1 when the comparison holds, else 0. The fields are OpenAI's.</summary>
public sealed record StringCheckSpec : GraderSpec
{
    /// <summary>Template of the text that is judged, mostly `{{ sample.output_text }}`.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public required string Input { get; init; }

    /// <summary>Template of the text it is compared with, mostly a field as `{{ item.answer }}`.</summary>
    [StringLength(SpecLimits.Template)]
    public required string Reference { get; init; }

    /// <summary>The comparison.</summary>
    [JsonConverter(typeof(StringOperationConverter))]
    public required StringOperation Operation { get; init; }
}

/// <summary>How two texts are compared; always ordinally, never by a culture.</summary>
public enum StringOperation
{
    /// <summary>Equal.</summary>
    Eq,

    /// <summary>Different; `neq` is read too.</summary>
    Ne,

    /// <summary>The input contains the reference.</summary>
    Like,

    /// <summary>The input contains the reference, without regard to case.</summary>
    Ilike,
}

/// <summary>Reads `neq`, the spelling of OpenAI's guide, beside `ne`, the spelling of its schema.</summary>
internal sealed class StringOperationConverter : JsonConverter<StringOperation>
{
    public override StringOperation Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        (reader.TokenType == JsonTokenType.String ? reader.GetString() : null) switch
        {
            "eq" => StringOperation.Eq,
            "ne" or "neq" => StringOperation.Ne,
            "like" => StringOperation.Like,
            "ilike" => StringOperation.Ilike,
            _ => throw new JsonException("Expected one of eq, ne, like, ilike."),
        };

    public override void Write(Utf8JsonWriter writer, StringOperation value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value switch
        {
            StringOperation.Eq => "eq",
            StringOperation.Ne => "ne",
            StringOperation.Like => "like",
            StringOperation.Ilike => "ilike",
        });
}

/// <summary>Ordinal comparison of a rendered input with a rendered reference.</summary>
internal sealed class StringCheckGrader(StringOperation operation, Template input, Template reference) : IGrader<StringCheckGrader, StringCheckSpec>
{
    public static string TypeName => "string_check";

    public static string Summary => "1 when the input equals, differs from or contains the reference, else 0.";

    private bool Contains => operation is StringOperation.Like or StringOperation.Ilike;

    public static StringCheckGrader Create(StringCheckSpec spec)
    {
        var reference = Template.ParseOption(spec.Reference, "/reference");
        return spec.Reference.Length > 0 || spec.Operation is StringOperation.Eq or StringOperation.Ne
            ? new StringCheckGrader(spec.Operation, Template.ParseOption(spec.Input, "/input"), reference)
            : throw new GraderSpecException(
                "/reference",
                "Expected text to look for, found none: every input contains the empty text. Name a field of the rows.");
    }

    public RowFault? Reject(JsonElement item)
    {
        if ((reference.Reject(item) ?? input.Reject(item)) is { } fault)
        {
            return fault;
        }

        // Every text contains the empty one: such a row would reward anything.
        return Contains && !reference.UsesSample && reference.TryRender(item, null, out var text, out _) && text.Length == 0
            ? new RowFault(reference.ItemPointer, "Expected text to look for in the completion, found an empty text.")
            : null;
    }

    public Grade Score(GradingInput given)
    {
        if (!input.TryRender(given.Item, given.OutputText, out var text, out var missing)
            || !reference.TryRender(given.Item, given.OutputText, out var expected, out missing))
        {
            return Grade.Missing(missing);
        }

        if (Contains && expected.Length == 0)
        {
            return reference.UsesSample
                ? Grade.Of(0, "empty_reference") // the completion itself is the reference, and says nothing
                : Grade.Failed(GradeError.OtherError, "The reference is empty: every text contains it.");
        }

        var holds = operation switch
        {
            StringOperation.Eq => string.Equals(text, expected, StringComparison.Ordinal),
            StringOperation.Ne => !string.Equals(text, expected, StringComparison.Ordinal),
            StringOperation.Like => TextSearch.Contains(text, expected, ignoreCase: false),
            StringOperation.Ilike => TextSearch.Contains(text, expected, ignoreCase: true),
        };
        return Grade.Of(holds ? 1 : 0);
    }
}
