using System.Text.Json;

namespace RftService.Engine.Data;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">`system`, `developer`, `user`, `assistant` or `tool`.</param>
/// <param name="Content">Its text; null where it only calls tools.</param>
public sealed record ChatMessage(string Role, string? Content)
{
    /// <summary>Who speaks, or which tool answers; null: not said.</summary>
    public string? Name { get; init; }

    /// <summary>Calls of tools by the assistant; null: none.</summary>
    public IReadOnlyList<ChatToolCall>? ToolCalls { get; init; }

    /// <summary>The call that a tool answers; null: not said.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>Reads a turn as OpenAI writes it, which has been checked.</summary>
    public static ChatMessage Read(JsonElement message) => new(message.GetProperty("role").GetString()!, ContentOf(message))
    {
        Name = Text(message, "name"),
        ToolCallId = Text(message, "tool_call_id"),
        ToolCalls = message.TryGetProperty("tool_calls", out var calls) && calls.ValueKind == JsonValueKind.Array && calls.GetArrayLength() > 0
            ? [.. calls.EnumerateArray().Select(ChatToolCall.Read)]
            : null,
    };

    // A list of texts is the text that they are together.
    private static string? ContentOf(JsonElement message) => !message.TryGetProperty("content", out var content) ? null
        : content.ValueKind == JsonValueKind.Array ? string.Concat(content.EnumerateArray().Select(part => part.GetProperty("text").GetString()))
        : content.GetString();

    private static string? Text(JsonElement message, string name) => message.TryGetProperty(name, out var value) ? value.GetString() : null;
}

/// <summary>A call of a tool.</summary>
/// <param name="Id">Names it; null: not said.</param>
/// <param name="Name">Of the function.</param>
/// <param name="Arguments">An object.</param>
public sealed record ChatToolCall(string? Id, string Name, JsonElement Arguments)
{
    /// <summary>Arguments as OpenAI writes them, an object as text, or an object itself; false when it is neither.</summary>
    public static bool TryReadArguments(JsonElement given, out JsonElement arguments)
    {
        arguments = given;
        if (given.ValueKind == JsonValueKind.String)
        {
            try
            {
                // A call without arguments is often written as an empty text.
                arguments = JsonElement.Parse(given.GetString() is { Length: > 0 } text ? text : "{}");
            }
            catch (JsonException)
            {
                return false;
            }
        }

        return arguments.ValueKind == JsonValueKind.Object;
    }

    /// <summary>Reads a call as OpenAI writes it, which has been checked.</summary>
    public static ChatToolCall Read(JsonElement call)
    {
        var function = call.GetProperty("function");
        return TryReadArguments(function.GetProperty("arguments"), out var arguments)
            ? new ChatToolCall(call.TryGetProperty("id", out var id) ? id.GetString() : null, function.GetProperty("name").GetString()!, arguments)
            : throw new InvalidOperationException("The arguments of a call of a tool are no object: the row has not been checked.");
    }
}
