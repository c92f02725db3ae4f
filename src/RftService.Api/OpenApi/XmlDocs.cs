using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace RftService.Api.OpenApi;

/// <summary>Doc comments of our assemblies, as plain text with wire names.</summary>
internal static partial class XmlDocs
{
    private static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> Documents = new();

    /// <summary>The summary of a property; null when there is none.</summary>
    public static string? SummaryOf(MemberInfo member)
    {
        var owner = member.DeclaringType!;
        var document = Documents.GetOrAdd(owner.Assembly, Load);
        return document.TryGetValue($"P:{owner.FullName!.Replace('+', '.')}.{member.Name}", out var comment) && comment.Element("summary") is { } summary
            ? Plain(summary)
            : null;
    }

    /// <summary>The XML file that the compiler wrote beside an assembly; may be missing.</summary>
    public static string PathOf(Assembly assembly) => Path.ChangeExtension(assembly.Location, ".xml");

    private static string Plain(XElement summary)
    {
        var text = string.Concat(summary.Nodes().Select(node => node switch
        {
            XText plain => plain.Value,
            XElement element => Reference(element),
            _ => "",
        }));
        return Space().Replace(text, " ").Trim();
    }

    private static string Reference(XElement element)
    {
        var target = element.Attribute("cref")?.Value ?? element.Attribute("name")?.Value;
        return target is null ? element.Value : "`" + JsonNamingPolicy.SnakeCaseLower.ConvertName(target.Split('.', ':')[^1]) + "`";
    }

    private static IReadOnlyDictionary<string, XElement> Load(Assembly assembly)
    {
        var path = PathOf(assembly);
        return File.Exists(path)
            ? XDocument.Load(path).Descendants("member").ToDictionary(member => member.Attribute("name")!.Value, StringComparer.Ordinal)
            : new Dictionary<string, XElement>();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
