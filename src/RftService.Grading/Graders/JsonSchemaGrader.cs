using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.RegularExpressions;
using RftService.Grading.JsonText;
using RftService.Grading.Templates;

namespace RftService.Grading.Graders;

/// <summary>1 when the input is JSON that a JSON Schema allows, else 0.</summary>
public sealed record JsonSchemaSpec : GraderSpec
{
    /// <summary>Template of the text that is judged.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string Input { get; init; } = "{{ sample.output_text }}";

    /// <summary>
    /// A JSON Schema of draft 2020-12. An unsupported keyword is refused: $id, $anchor, $dynamicRef, unevaluated*, content*. References
    /// stay inside the schema (#/$defs/name); patterns have no lookaround; of format: date, date-time, email, ipv4, ipv6, time, uri, uuid.
    /// </summary>
    public required JsonElement Schema { get; init; }

    /// <summary>Where the JSON stands.</summary>
    public JsonExtraction Extract { get; init; } = JsonExtraction.Whole;
}

/// <summary>Checks a rendered input against a schema.</summary>
internal sealed class JsonSchemaGrader : IGrader<JsonSchemaGrader, JsonSchemaSpec>
{
    private const int LargestSchema = 65_536;

    private readonly JsonSchemaSpec _spec;
    private readonly Template _input;
    private readonly Dictionary<string, Regex> _patterns = new(StringComparer.Ordinal);

    private JsonSchemaGrader(JsonSchemaSpec spec)
    {
        _spec = spec;
        _input = Template.ParseOption(spec.Input, "/input");
        if (spec.Schema.ValueKind == JsonValueKind.Undefined || spec.Schema.GetRawText().Length > LargestSchema)
        {
            throw new GraderSpecException("/schema", $"Expected a schema of at most {LargestSchema} characters.");
        }

        if (!CompletionJson.IsText(spec.Schema))
        {
            throw new GraderSpecException("/schema", "The schema escapes half a surrogate pair, which is no text.");
        }

        SchemaKeywords.Check(spec.Schema, spec.Schema, "/schema", _patterns);
    }

    public static string TypeName => "json_schema";

    public static string Summary => "1 when the input is JSON that a JSON Schema allows, else 0.";

    public static JsonSchemaGrader Create(JsonSchemaSpec spec) => new(spec);

    public RowFault? Reject(JsonElement item) => _input.Reject(item);

    public Grade Score(GradingInput given)
    {
        if (!_input.TryRender(given.Item, given.OutputText, out var text, out var missing))
        {
            return Grade.Missing(missing);
        }

        if (CompletionJson.Parse(text, _spec.Extract) is not { } value)
        {
            return Grade.Of(0, "not_json");
        }

        try
        {
            return new SchemaCheck(_spec.Schema, _patterns).Violation(value) is { } violation ? Grade.Of(0, violation) : Grade.Of(1);
        }
        catch (Exception fault) when (fault is SchemaTooCostlyException or RegexMatchTimeoutException)
        {
            return Grade.Failed(GradeError.UnresponsiveRewardError, fault.Message);
        }
    }
}
