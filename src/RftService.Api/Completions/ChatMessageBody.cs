using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using RftService.Api.Http;
using RftService.Data.Workers;
using RftService.Engine.Data;

namespace RftService.Api.Completions;

/// <summary>One turn.</summary>
public sealed record ChatMessageBody : IValidatableObject
{
    private static readonly JsonSerializerOptions WithoutNulls = new(JsonSetup.Options) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>`system`, `developer`, `user`, `assistant` or `tool`.</summary>
    [RegularExpression("^(system|developer|user|assistant|tool)$")]
    public required string Role { get; init; }

    /// <summary>Its text, or a list of `{type: "text", text}`, which are put together; null where it only calls tools.</summary>
    [StringLength(1_000_000)]
    [JsonConverter(typeof(TextPartsConverter))]
    public string? Content { get; init; }

    /// <summary>Who speaks, or which tool answers.</summary>
    [StringLength(64, MinimumLength = 1)]
    public string? Name { get; init; }

    /// <summary>Tools that the assistant calls.</summary>
    [MinLength(1)]
    [MaxLength(128)]
    public IReadOnlyList<ChatToolCallBody>? ToolCalls { get; init; }

    /// <summary>The call that a tool answers.</summary>
    [StringLength(200, MinimumLength = 1)]
    public string? ToolCallId { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ToolCalls is not null && Role != "assistant")
        {
            yield return new ValidationResult($"only the assistant calls tools, not {Role}", [nameof(ToolCalls)]);
        }

        if (ToolCallId is not null && Role != "tool")
        {
            yield return new ValidationResult($"only a tool answers a call, not {Role}", [nameof(ToolCallId)]);
        }

        if (Content is null && ToolCalls is null)
        {
            yield return new ValidationResult("expected a text; only a message with tool_calls may be without", [nameof(Content)]);
        }
    }

    internal SamplingMessage ToSampling() => new(Role, Content, Name, ToolCalls is null ? null : Written(ToolCalls), ToolCallId);

    /// <summary>A turn of a dataset's row, which has been checked.</summary>
    internal static SamplingMessage Of(JsonElement turn)
    {
        var message = ChatMessage.Read(turn);
        return new SamplingMessage(
            message.Role, message.Content, message.Name, message.ToolCalls is null ? null : turn.GetProperty("tool_calls"), message.ToolCallId);
    }

    /// <summary>As a chat template is to see it: what is not said is not there.</summary>
    internal static JsonElement Written<T>(T value) => JsonSerializer.SerializeToElement(value, WithoutNulls);
}

/// <summary>A call of a tool by the assistant.</summary>
public sealed record ChatToolCallBody
{
    /// <summary>Names it.</summary>
    [StringLength(200, MinimumLength = 1)]
    public string? Id { get; init; }

    /// <summary>`function`.</summary>
    [RegularExpression("^function$")]
    public required string Type { get; init; }

    /// <summary>What is called.</summary>
    public required ChatFunctionCallBody Function { get; init; }
}

/// <summary>What a call of a tool calls.</summary>
public sealed record ChatFunctionCallBody : IValidatableObject
{
    /// <summary>The function.</summary>
    [StringLength(64, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <summary>A JSON object as text; the chat template is given the object.</summary>
    [StringLength(1_000_000)]
    public required string Arguments { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!ChatToolCall.TryReadArguments(JsonSerializer.SerializeToElement(Arguments), out _))
        {
            yield return new ValidationResult("expected a JSON object as text", [nameof(Arguments)]);
        }
    }
}

/// <summary>A tool that the model may call.</summary>
public sealed record ChatToolBody
{
    /// <summary>`function`.</summary>
    [RegularExpression("^function$")]
    public required string Type { get; init; }

    /// <summary>What can be called.</summary>
    public required ChatFunctionBody Function { get; init; }
}

/// <summary>A function that the model may call.</summary>
public sealed record ChatFunctionBody
{
    /// <summary>Its name.</summary>
    [StringLength(64, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <summary>What it does.</summary>
    [StringLength(100_000)]
    public string? Description { get; init; }

    /// <summary>JSON Schema of its arguments.</summary>
    public JsonElement? Parameters { get; init; }

    /// <summary>Given to the chat template; calls are not held to the schema.</summary>
    public bool? Strict { get; init; }
}
