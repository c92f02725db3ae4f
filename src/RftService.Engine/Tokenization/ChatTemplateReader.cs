using System.Text;
using System.Text.Json;
using RftService.Engine.Models;
using RftService.Engine.Tokenization.Templates;

namespace RftService.Engine.Tokenization;

/// <summary>Finds the chat template of a model folder: chat_template.jinja, or the field of tokenizer_config.json.</summary>
internal static class ChatTemplateReader
{
    private const string TemplateFile = "chat_template.jinja";

    public static ChatTemplate? Read(string folder, JsonPlace? config, string? beginToken, string? endToken)
    {
        var path = Path.Combine(folder, TemplateFile);
        var (file, pointer, source) = File.Exists(path)
            ? (TemplateFile, "", File.ReadAllText(path, Encoding.UTF8))
            : FromConfig(config?.Optional("chat_template"));
        if (source is null)
        {
            return null;
        }

        try
        {
            return new ChatTemplate(source, beginToken, endToken);
        }
        catch (TemplateException error)
        {
            throw new ModelFolderException(
                file,
                pointer,
                $"{file}{(pointer.Length > 0 ? "#" + pointer : "")}: the chat template cannot be read: {error.Message}",
                "Use the template of the model's publisher, or remove it and train on plain prompts.",
                error);
        }
    }

    private static (string File, string Pointer, string? Source) FromConfig(JsonPlace? field)
    {
        if (field is not { } place)
        {
            return ("", "", null);
        }

        if (place.Value.ValueKind != JsonValueKind.Array)
        {
            return (place.File, place.Pointer, place.Text());
        }

        var named = place.Items().FirstOrDefault(item => item["name"].Text() == "default");
        return named.File is null
            ? throw place.Fault("expected a template named `default` in the list, got none")
            : (named.File, named.Pointer + "/template", named["template"].Text());
    }
}
