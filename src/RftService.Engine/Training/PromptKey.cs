using System.Text;
using RftService.Engine.Data;

namespace RftService.Engine.Training;

/// <summary>Tells prompts apart.</summary>
internal static class PromptKey
{
    /// <summary>The same for rows with the same prompt.</summary>
    public static string Of(Row row)
    {
        var key = new StringBuilder(row.Prompt);
        foreach (var message in row.Messages ?? [])
        {
            key.Append('\u0001').Append(message.Role).Append('\u0002').Append(message.Content);
            foreach (var call in message.ToolCalls ?? [])
            {
                key.Append('\u0003').Append(call.Id).Append('\u0002').Append(call.Name).Append('\u0002').Append(call.Arguments.GetRawText());
            }

            if (message.Name is not null || message.ToolCallId is not null)
            {
                key.Append('\u0004').Append(message.Name).Append('\u0002').Append(message.ToolCallId);
            }
        }

        if (row.Tools is { } tools)
        {
            key.Append('\u0005').Append(tools.GetRawText());
        }

        return key.ToString();
    }
}
