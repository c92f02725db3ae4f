namespace RftService.Grading.Similarity;

/// <summary>ROUGE as Google's rouge-score computes it: the F measure over lower-case runs of a-z and 0-9 (Lin 2004).</summary>
internal static class Rouge
{
    /// <summary>The tokens that rouge-score sees: other scripts than a-z and 0-9 have none.</summary>
    public static List<string> Tokens(string text, bool stem)
    {
        var tokens = new List<string>();
        var lower = text.ToLowerInvariant();
        for (var at = 0; at < lower.Length; at++)
        {
            var start = at;
            while (at < lower.Length && char.IsAsciiLetterOrDigit(lower[at]))
            {
                at++;
            }

            if (at > start)
            {
                var token = lower[start..at];
                tokens.Add(stem && token.Length > 3 ? PorterStemmer.Stem(token) : token); // short words keep their form
            }
        }

        return tokens;
    }

    /// <summary>F measure over runs of n tokens.</summary>
    public static double Runs(int[] completion, int[] reference, int n) =>
        Measure(NGrams.Overlap(reference, completion, n), completion.Length - n + 1, reference.Length - n + 1);

    /// <summary>F measure over the longest common subsequence.</summary>
    public static double Longest(int[] completion, int[] reference) =>
        Measure(CommonSubsequence.Length(reference, completion), completion.Length, reference.Length);

    private static double Measure(int matches, int given, int wanted)
    {
        if (matches == 0)
        {
            return 0;
        }

        var (precision, recall) = ((double)matches / given, (double)matches / wanted);
        return 2 * precision * recall / (precision + recall);
    }
}
