using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using RftService.Grading.JsonText;

namespace RftService.Grading.Templates;

/// <summary>Literal text, then perhaps a variable.</summary>
internal readonly record struct TemplatePart(string Literal, TemplateVariable? Variable);

/// <summary>One step of a path: a member or an array index.</summary>
internal readonly record struct PathStep(string? Member, int Index);

/// <summary>A variable of a template: the completion, or a field of the row.</summary>
internal sealed class TemplateVariable(string name, IReadOnlyList<PathStep> path)
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The variable without spaces, as `item.a[0]`.</summary>
    public string Name => name;

    /// <summary>True for `sample.output_text`.</summary>
    public bool IsSample => path.Count == 0;

    /// <summary>JSON pointer into the row, as `/a/0`.</summary>
    public string Pointer { get; } =
        string.Concat(path.Select(step => "/" + (step.Member is { } name ? PointerName.Escape(name) : $"{step.Index}")));

    public bool TryResolve(JsonElement item, string? outputText, [NotNullWhen(true)] out string? value)
    {
        try
        {
            value = IsSample ? outputText : Read(item);
        }
        catch (InvalidOperationException fault) when (fault is not ObjectDisposedException)
        {
            // JSON may escape half a surrogate pair ("\ud800"), which is no text: the row has no usable value there.
            value = null;
        }

        return value is not null;
    }

    private string? Read(JsonElement item)
    {
        var at = item;
        foreach (var (member, index) in path)
        {
            if (member is not null)
            {
                if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(member, out at))
                {
                    return null;
                }
            }
            else if (at.ValueKind == JsonValueKind.Array && index < at.GetArrayLength())
            {
                at = at[index];
            }
            else
            {
                return null;
            }
        }

        return at.ValueKind switch
        {
            JsonValueKind.Null or JsonValueKind.Undefined => null,
            JsonValueKind.String => at.GetString(),
            JsonValueKind.Object or JsonValueKind.Array => WriteCompact(at),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => at.GetRawText(),
            _ => null,
        };
    }

    private static string WriteCompact(JsonElement element)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            element.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
