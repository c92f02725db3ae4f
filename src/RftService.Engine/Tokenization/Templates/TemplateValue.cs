using System.Text.Json;

namespace RftService.Engine.Tokenization.Templates;

/// <summary>JSON as values of templates.</summary>
internal static class TemplateValue
{
    public static object? Of(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => TemplateDictionary.Of([.. json.EnumerateObject().Select(member => (member.Name, Of(member.Value)))]),
        JsonValueKind.Array => new TemplateList(json.EnumerateArray().Select(Of)),
        JsonValueKind.String => json.GetString(),
        JsonValueKind.Number => json.TryGetInt64(out var whole) ? (object)whole : json.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };
}
