using System.Text.Json;
using RftService.Engine.Data;
using RftService.Engine.Tokenization.Templates;

namespace RftService.Engine.Tokenization;

/// <summary>Renders conversations as the model was trained to read them. Safe for use by many threads.</summary>
public sealed class ChatTemplate
{
    /// <summary>
    /// What templates are told when they ask for today (`strftime_now`). A fixed day, the one Llama's own templates fall back to: a prompt
    /// that changed at midnight would make a resumed run differ from an undisturbed one.
    /// </summary>
    public static readonly DateTime Today = new(2024, 7, 26, 0, 0, 0, DateTimeKind.Utc);

    private readonly Template _template;
    private readonly string? _beginToken;
    private readonly string? _endToken;

    internal ChatTemplate(string source, string? beginToken, string? endToken)
    {
        _template = Template.Parse(source);
        (_beginToken, _endToken) = (beginToken, endToken);
    }

    /// <summary>The prompt of a conversation.</summary>
    /// <param name="messages">The turns, oldest first.</param>
    /// <param name="addGenerationPrompt">Ends with the opening of the assistant's turn.</param>
    /// <param name="tools">Tools that it may use, a list; null: none.</param>
    /// <exception cref="TrainingException">The template refuses the conversation, or asks for what a template may not do.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = true, JsonElement? tools = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var variables = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["messages"] = new TemplateList(messages.Select(Turn)),
            ["add_generation_prompt"] = addGenerationPrompt,
            // As transformers does: no tools are none, not an empty list.
            ["tools"] = tools is { } given && given.GetArrayLength() > 0 ? TemplateValue.Of(given) : null,
        };
        // A token that the model lacks is undefined, not none: as transformers does.
        if (_beginToken is not null)
        {
            variables["bos_token"] = _beginToken;
        }

        if (_endToken is not null)
        {
            variables["eos_token"] = _endToken;
        }

        try
        {
            return _template.Render(variables, Today);
        }
        catch (TemplateException error)
        {
            throw new TrainingException(
                TrainingFault.RowUnusable,
                $"the model's chat template refuses the conversation: {error.Message}",
                "Check the roles and their order (many templates want user and assistant in turn, or no system message), or give a plain prompt.",
                error);
        }
    }

    // What a turn does not say is undefined in it. Arguments are an object, as templates of today want them.
    private static TemplateDictionary Turn(ChatMessage message)
    {
        var turn = TemplateDictionary.Of(("role", message.Role), ("content", message.Content));
        if (message.Name is { } name)
        {
            turn.Items["name"] = name;
        }

        if (message.ToolCallId is { } id)
        {
            turn.Items["tool_call_id"] = id;
        }

        if (message.ToolCalls is { } calls)
        {
            turn.Items["tool_calls"] = new TemplateList(calls.Select(Call));
        }

        return turn;
    }

    private static TemplateDictionary Call(ChatToolCall call)
    {
        var function = TemplateDictionary.Of(("name", call.Name), ("arguments", TemplateValue.Of(call.Arguments)));
        return call.Id is { } id
            ? TemplateDictionary.Of(("id", id), ("type", "function"), ("function", function))
            : TemplateDictionary.Of(("type", "function"), ("function", function));
    }
}
