using System.Text.Json.Nodes;

namespace RftService.Grading.Judges;

/// <summary>JSON schemas of judges' answers.</summary>
internal static class AnswerSchema
{
    /// <summary>A decision; before it, unless the judge shall not explain itself, the steps that led to it.</summary>
    public static JsonObject Decision(JudgeSpec spec, string name, JsonNode type) =>
        spec.Explain ? Object(("steps", List(Object(("description", Type("string")), ("conclusion", Type("string"))))), (name, type)) : Object((name, type));

    /// <summary>An object whose members are all required.</summary>
    public static JsonObject Object(params (string Name, JsonNode Type)[] members) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject(members.Select(member => KeyValuePair.Create(member.Name, (JsonNode?)member.Type))),
        ["required"] = new JsonArray([.. members.Select(member => (JsonNode?)member.Name)]),
        ["additionalProperties"] = false,
    };

    public static JsonObject List(JsonNode items) => new() { ["type"] = "array", ["items"] = items };

    public static JsonObject Type(string name) => new() { ["type"] = name };

    public static JsonObject OneOf(string type, IEnumerable<JsonNode> values) => new() { ["type"] = type, ["enum"] = new JsonArray([.. values]) };
}
