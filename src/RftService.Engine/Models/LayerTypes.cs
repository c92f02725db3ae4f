using System.Text.Json;

namespace RftService.Engine.Models;

/// <summary>Reads which layers look through a window: `layer_types`, or the family's own pattern where it is absent.</summary>
internal static class LayerTypes
{
    public const string Full = "full_attention";
    public const string Sliding = "sliding_attention";

    /// <summary>True for each layer with a window.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="layers">L.</param>
    /// <param name="hasWindow">False: no layer may have one.</param>
    /// <param name="pattern">The family's own.</param>
    public static IReadOnlyList<bool> Read(ConfigReader json, int layers, bool hasWindow, Func<int, bool> pattern)
    {
        if (json.Take("layer_types") is not { } types)
        {
            return [.. Enumerable.Range(0, layers).Select(layer => hasWindow && pattern(layer))];
        }

        if (types.ValueKind != JsonValueKind.Array || types.GetArrayLength() != layers)
        {
            throw json.Refuse("layer_types", $"a list of {layers}", types.GetRawText());
        }

        return
        [
            .. types.EnumerateArray().Select((type, layer) => (type.ValueKind == JsonValueKind.String ? type.GetString() : null) switch
            {
                Full => false,
                Sliding when hasWindow => true,
                _ => throw json.Refuse($"layer_types/{layer}", hasWindow ? $"{Full} or {Sliding}" : $"{Full}, as no window is set", type.GetRawText()),
            }),
        ];
    }
}
