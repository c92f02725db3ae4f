namespace RftService.Grading.Similarity;

/// <summary>
/// METEOR (Banerjee and Lavie 2005) as nltk's single_meteor_score aligns and weighs (alpha 0.9, beta 3, gamma 0.5): equal words,
/// then equal Porter stems. nltk's third stage, synonyms of WordNet, is left out: it needs WordNet's data.
/// </summary>
internal static class Meteor
{
    public static double Score(IReadOnlyList<string> completion, IReadOnlyList<string> reference)
    {
        var given = completion.Select(word => word.ToLowerInvariant()).ToArray();
        var wanted = reference.Select(word => word.ToLowerInvariant()).ToArray();
        var partner = new int[given.Length]; // place in the reference, or -1
        Array.Fill(partner, -1);
        var taken = new bool[wanted.Length];
        Match(given, wanted, partner, taken);
        Match([.. given.Select(PorterStemmer.Stem)], [.. wanted.Select(PorterStemmer.Stem)], partner, taken);

        int matches = 0, chunks = 0, last = -2;
        foreach (var (place, at) in partner.Select((place, at) => (place, at)))
        {
            if (place < 0)
            {
                continue;
            }

            matches++;
            chunks += at > 0 && last == at - 1 && partner[at - 1] == place - 1 ? 0 : 1;
            last = at;
        }

        if (matches == 0)
        {
            return 0;
        }

        var (precision, recall) = ((double)matches / given.Length, (double)matches / wanted.Length);
        var mean = precision * recall / ((0.9 * precision) + (0.1 * recall));
        return (1 - (0.5 * Math.Pow((double)chunks / matches, 3))) * mean;
    }

    // As nltk: from the last word backwards, each takes the last free equal word of the reference.
    private static void Match(string[] given, string[] wanted, int[] partner, bool[] taken)
    {
        var free = new Dictionary<string, Stack<int>>(StringComparer.Ordinal);
        for (var place = 0; place < wanted.Length; place++)
        {
            if (!taken[place])
            {
                (free.TryGetValue(wanted[place], out var places) ? places : free[wanted[place]] = new Stack<int>()).Push(place);
            }
        }

        for (var at = given.Length - 1; at >= 0; at--)
        {
            if (partner[at] < 0 && free.TryGetValue(given[at], out var places) && places.TryPop(out var place))
            {
                (partner[at], taken[place]) = (place, true);
            }
        }
    }
}
