using System.Text.Json;

namespace RftService.Engine.Models;

/// <summary>Finds every model family of this assembly, and loads models.</summary>
public static class ModelCatalog
{
    private static readonly IReadOnlyList<IModelFamily> All =
    [
        .. typeof(IModelFamily).Assembly.GetTypes()
            .Where(type => type is { IsClass: true, IsAbstract: false } && type.IsAssignableTo(typeof(IModelFamily)))
            .Select(type => (IModelFamily)Activator.CreateInstance(type)!)
            .OrderBy(family => family.Name, StringComparer.Ordinal),
    ];

    /// <summary>Names of the supported families, in order.</summary>
    public static IReadOnlyList<string> Families { get; } = [.. All.Select(family => family.Name)];

    internal static IModelFamily Family(ConfigReader json)
    {
        var root = json.Root;
        if (root.TryGetProperty("architectures", out var list) && list is { ValueKind: JsonValueKind.Array } && list.GetArrayLength() > 0)
        {
            var architecture = list[0].ToString();
            return All.FirstOrDefault(family => family.Architecture == architecture)
                ?? throw json.Refuse("architectures/0", "one of " + string.Join(", ", All.Select(family => family.Architecture)), architecture);
        }

        var type = root.TryGetProperty("model_type", out var value) ? value.ToString() : "nothing";
        return All.FirstOrDefault(family => family.ModelType == type)
            ?? throw json.Refuse("model_type", "one of " + string.Join(", ", All.Select(family => family.ModelType)), type);
    }
}
