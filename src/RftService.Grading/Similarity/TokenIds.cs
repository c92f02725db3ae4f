namespace RftService.Grading.Similarity;

/// <summary>Texts as sequences of numbers, equal tokens having equal numbers.</summary>
internal sealed class TokenIds
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    public int[] Of(IReadOnlyList<string> tokens)
    {
        var ids = new int[tokens.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            if (!_ids.TryGetValue(tokens[i], out ids[i]))
            {
                _ids.Add(tokens[i], ids[i] = _ids.Count);
            }
        }

        return ids;
    }

    /// <summary>Unicode code points.</summary>
    public static int[] Characters(string text) => text.EnumerateRunes().Select(rune => rune.Value).ToArray();

    /// <summary>Runs of characters other than white space.</summary>
    public static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
