using System.Text.Json;
using RftService.Engine.Models;

namespace RftService.Engine.Tokenization;

/// <summary>A JSON value that knows its file and pointer, so that whatever is wrong with it can be named.</summary>
internal readonly record struct JsonPlace(string File, string Pointer, JsonElement Value)
{
    private const string Remedy = "Take the file unchanged from the model's publisher, or use a model whose tokenizer is supported.";

    /// <summary>Reads a file of the folder; null when it is absent.</summary>
    public static JsonPlace? TryRead(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        if (!System.IO.File.Exists(path))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(System.IO.File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 64 });
            return new JsonPlace(file, "", document.RootElement.Clone());
        }
        catch (JsonException error)
        {
            throw new ModelFolderException(
                file, "", $"{file}: expected JSON, got a syntax error at line {error.LineNumber + 1}", "The file is damaged or cut off: copy it again.", error);
        }
    }

    public bool IsNull => Value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public ModelFolderException Fault(string message, Exception? inner = null) =>
        new(File, Pointer, $"{File}{(Pointer.Length > 0 ? "#" + Pointer : "")}: {message}", Remedy, inner);

    /// <summary>A field that must be there and not null.</summary>
    public JsonPlace this[string name] => Optional(name) ?? throw Fault($"expected the field `{name}`, got none");

    /// <summary>A field; null when it is absent or null.</summary>
    public JsonPlace? Optional(string name)
    {
        Expect(JsonValueKind.Object, "an object");
        return Value.TryGetProperty(name, out var field) && field.ValueKind != JsonValueKind.Null
            ? new JsonPlace(File, $"{Pointer}/{Escape(name)}", field)
            : null;
    }

    /// <summary>Refuses fields other than these: a field that is not known may change the tokens.</summary>
    public void Only(params ReadOnlySpan<string> names)
    {
        foreach (var field in Fields())
        {
            if (!names.Contains(field.Name))
            {
                throw field.Value.Fault($"the field `{field.Name}` is not supported here");
            }
        }
    }

    public IEnumerable<(string Name, JsonPlace Value)> Fields()
    {
        Expect(JsonValueKind.Object, "an object");
        var (file, pointer) = (File, Pointer);
        return Value.EnumerateObject().Select(field => (field.Name, new JsonPlace(file, $"{pointer}/{Escape(field.Name)}", field.Value)));
    }

    public IEnumerable<JsonPlace> Items()
    {
        Expect(JsonValueKind.Array, "an array");
        var (file, pointer) = (File, Pointer);
        return Value.EnumerateArray().Select((item, index) => new JsonPlace(file, $"{pointer}/{index}", item));
    }

    public string Text()
    {
        Expect(JsonValueKind.String, "a string");
        try
        {
            return Value.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw Fault("expected a string of valid Unicode, got half a surrogate pair", error);
        }
    }

    public int Int() => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out var number) && number >= 0
        ? number
        : throw Fault($"expected a whole number of at least 0, got {Excerpt()}");

    public bool Bool() => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Fault($"expected true or false, got {Excerpt()}"),
    };

    public bool Bool(string name, bool absent) => Optional(name)?.Bool() ?? absent;

    public JsonElement Expect(JsonValueKind kind, string words) => Value.ValueKind == kind ? Value : throw Fault($"expected {words}, got {Excerpt()}");

    public string Excerpt() => Value.ValueKind == JsonValueKind.Undefined ? "nothing" : Value.GetRawText() is { Length: > 40 } raw ? raw[..40] + "…" : Value.GetRawText();

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
