using System.Text;
using System.Text.Json;
using RftService.Engine.Data;

namespace RftService.Api.Datasets;

/// <summary>What the conversation of a row must hold, and the tools beside it. What training would not see is refused.</summary>
internal sealed class MessageRules(DatasetReport report, long line)
{
    private static readonly string[] _roles = ["system", "developer", "user", "assistant", "tool"];
    private static readonly string[] _members = ["role", "content", "name", "tool_calls", "tool_call_id"];

    /// <summary>Equal keys for equal prompts, and the characters of all contents.</summary>
    public (string Key, int Length) Check(JsonElement row, JsonElement messages)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0)
        {
            var found = messages.ValueKind == JsonValueKind.Array ? "an empty array" : Json.Describe(messages);
            Fault("/messages", "wrong_type", "a non-empty array of {role, content}", found);
            return ("", 0);
        }

        var (key, length, index, lastRole) = (new StringBuilder("m"), 0, 0, "");
        foreach (var message in messages.EnumerateArray())
        {
            var pointer = $"/messages/{index++}";
            if (!IsObject(message, pointer, "an object {role, content}"))
            {
                continue;
            }

            lastRole = Text(message, pointer, "role") ?? "";
            if (lastRole.Length > 0 && !_roles.Contains(lastRole))
            {
                Fault(pointer + "/role", "invalid_role", "one of " + string.Join(", ", _roles), Json.Quote(lastRole));
            }

            Only(message, pointer, _members);
            var calls = Calls(message, pointer, lastRole);
            var content = Content(message, pointer, mayBeAbsent: calls.Length > 0);
            length += content.Length;
            key.Append('\0').Append(lastRole).Append('\0').Append(content).Append(calls);
            key.Append(Optional(message, pointer, "name")).Append(Answered(message, pointer, lastRole));
        }

        if (lastRole.Length > 0 && lastRole is not ("user" or "tool") && _roles.Contains(lastRole))
        {
            Fault($"/messages/{index - 1}/role", "last_role", "`user` or `tool`: the completion answers the last message", Json.Quote(lastRole));
        }

        return (key.Append(Tools(row)).ToString(), length);
    }

    private string Content(JsonElement message, string pointer, bool mayBeAbsent)
    {
        var isThere = message.TryGetProperty("content", out var content);
        if (mayBeAbsent && (!isThere || content.ValueKind == JsonValueKind.Null))
        {
            return "";
        }

        if (!isThere || content.ValueKind != JsonValueKind.Array)
        {
            return Text(message, pointer, "content") ?? "";
        }

        var text = new StringBuilder();
        foreach (var (index, part) in content.EnumerateArray().Index())
        {
            var place = $"{pointer}/content/{index}";
            if (IsObject(part, place, "an object {type, text}"))
            {
                Is(part, place, "type", "text");
                Only(part, place, "type", "text");
                text.Append(Text(part, place, "text"));
            }
        }

        return text.ToString();
    }

    // Their JSON; empty where there are none.
    private string Calls(JsonElement message, string pointer, string role)
    {
        if (!message.TryGetProperty("tool_calls", out var calls) || calls.ValueKind == JsonValueKind.Null)
        {
            return "";
        }

        pointer += "/tool_calls";
        if (role != "assistant")
        {
            Fault(pointer, "unknown_field", "tool_calls in messages of the assistant only", Json.Quote(role));
        }

        if (calls.ValueKind != JsonValueKind.Array)
        {
            Fault(pointer, "wrong_type", "an array of calls", Json.Describe(calls));
            return "";
        }

        foreach (var (index, call) in calls.EnumerateArray().Index())
        {
            var place = $"{pointer}/{index}";
            if (!IsObject(call, place, "an object {id, type, function}"))
            {
                continue;
            }

            Only(call, place, "id", "type", "function");
            Is(call, place, "type", "function");
            Optional(call, place, "id");
            if (Function(call, place, "name", "arguments") is { } function && (!function.TryGetProperty("arguments", out var arguments)
                || !ChatToolCall.TryReadArguments(arguments, out _)))
            {
                Fault(place + "/function/arguments", "wrong_type", "an object, or one as JSON text", "none");
            }
        }

        return calls.GetArrayLength() > 0 ? calls.GetRawText() : "";
    }

    private string Tools(JsonElement row)
    {
        if (!row.TryGetProperty("tools", out var tools) || tools.ValueKind == JsonValueKind.Null)
        {
            return "";
        }

        if (tools.ValueKind != JsonValueKind.Array)
        {
            Fault("/tools", "wrong_type", "an array of tools beside messages", Json.Describe(tools), "rename the key if it is for graders only");
            return "";
        }

        foreach (var (index, tool) in tools.EnumerateArray().Index())
        {
            var place = $"/tools/{index}";
            if (IsObject(tool, place, "an object {type, function}"))
            {
                Only(tool, place, "type", "function");
                Is(tool, place, "type", "function");
                Function(tool, place, "name", "description", "parameters", "strict");
            }
        }

        return tools.GetRawText();
    }

    private JsonElement? Function(JsonElement owner, string pointer, params ReadOnlySpan<string> members)
    {
        pointer += "/function";
        if (!owner.TryGetProperty("function", out var function))
        {
            Fault(pointer, "missing_field", "an object", "nothing");
            return null;
        }

        if (!IsObject(function, pointer, "an object with a name"))
        {
            return null;
        }

        Only(function, pointer, members);
        Text(function, pointer, "name");
        return function;
    }

    private string? Answered(JsonElement message, string pointer, string role)
    {
        var id = Optional(message, pointer, "tool_call_id");
        if (id is not null && role != "tool")
        {
            Fault(pointer + "/tool_call_id", "unknown_field", "tool_call_id in messages of tools only", Json.Quote(role));
        }

        return id;
    }

    private void Is(JsonElement owner, string pointer, string name, string expected)
    {
        if (Text(owner, pointer, name) is { } found && found != expected)
        {
            Fault($"{pointer}/{name}", "unsupported_value", $"`{expected}`", Json.Quote(found));
        }
    }

    private void Only(JsonElement owner, string pointer, params ReadOnlySpan<string> members)
    {
        foreach (var other in owner.EnumerateObject())
        {
            if (!members.Contains(other.Name))
            {
                Fault($"{pointer}/{JsonPointer.Escape(other.Name)}", "unknown_field", "only " + string.Join(", ", members.ToArray()), Json.Quote(other.Name), "training would not see it");
            }
        }
    }

    private bool IsObject(JsonElement value, string pointer, string expected)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            Fault(pointer, "wrong_type", expected, Json.Describe(value));
        }

        return value.ValueKind == JsonValueKind.Object;
    }

    private string? Optional(JsonElement owner, string pointer, string name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? Text(owner, pointer, name) : null;

    private string? Text(JsonElement owner, string pointer, string name)
    {
        if (!owner.TryGetProperty(name, out var value))
        {
            Fault($"{pointer}/{name}", "missing_field", "a string", "nothing");
            return null;
        }

        if (value.ValueKind != JsonValueKind.String)
        {
            Fault($"{pointer}/{name}", "wrong_type", "a string", Json.Describe(value));
            return null;
        }

        return value.GetString();
    }

    private void Fault(string pointer, string code, string expected, string found, string? remedy = null) =>
        report.Add(line, pointer, code, expected, found, remedy);
}
