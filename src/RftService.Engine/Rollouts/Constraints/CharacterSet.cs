namespace RftService.Engine.Rollouts.Constraints;

/// <summary>Some of Unicode's characters; halves of surrogate pairs are none.</summary>
internal sealed class CharacterSet
{
    private const int Last = 0x10FFFF;

    private CharacterSet(IReadOnlyList<(int First, int Last)> ranges) => Ranges = ranges;

    /// <summary>Every character.</summary>
    public static CharacterSet All { get; } = Of((0, Last));

    /// <summary>In order, with gaps between them.</summary>
    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    public static CharacterSet Of(params IEnumerable<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>();
        foreach (var range in ranges.SelectMany(WithoutSurrogates).OrderBy(range => range.First))
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
            {
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            }
            else
            {
                merged.Add(range);
            }
        }

        return new CharacterSet(merged);
    }

    /// <summary>Each of these.</summary>
    public static CharacterSet Of(string characters) => Of(characters.EnumerateRunes().Select(rune => (rune.Value, rune.Value)));

    /// <summary>All others up to U+FFFF: readers do not agree on whether those beyond are one character or two.</summary>
    public CharacterSet Others()
    {
        var others = new List<(int, int)>();
        var next = 0;
        foreach (var (first, last) in Ranges)
        {
            others.Add((next, Math.Min(first - 1, 0xFFFF)));
            next = last + 1;
        }

        others.Add((next, 0xFFFF));
        return Of(others.Where(range => range.Item1 <= range.Item2));
    }

    public bool Has(int character) => Ranges.Any(range => range.First <= character && character <= range.Last);

    private static IEnumerable<(int First, int Last)> WithoutSurrogates((int First, int Last) range)
    {
        (int First, int Last)[] parts = [(range.First, Math.Min(range.Last, 0xD7FF)), (Math.Max(range.First, 0xE000), range.Last)];
        return parts.Where(part => part.First <= part.Last);
    }
}
