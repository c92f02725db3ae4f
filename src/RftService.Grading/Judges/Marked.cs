using System.Security.Cryptography;
using System.Text;

namespace RftService.Grading.Judges;

/// <summary>
/// Joins texts for a judge, each between tags that hold a hash of all of them: a completion cannot end its own part and write another's,
/// since it would have to contain the hash of itself.
/// </summary>
internal static class Marked
{
    public static string Join(string name, IReadOnlyList<string> texts)
    {
        var tag = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\u0001', texts))))[..12];
        var joined = new StringBuilder();
        for (var i = 0; i < texts.Count; i++)
        {
            joined.Append($"<{name} number=\"{i + 1}\" key=\"{tag}\">\n{texts[i]}\n</{name} key=\"{tag}\">\n");
        }

        return joined.ToString();
    }
}
