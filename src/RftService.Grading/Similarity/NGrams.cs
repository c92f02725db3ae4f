namespace RftService.Grading.Similarity;

/// <summary>Counts runs of n tokens, n from 1 to 5.</summary>
internal static class NGrams
{
    public static Dictionary<(int, int, int, int, int), int> Count(int[] tokens, int n)
    {
        var counts = new Dictionary<(int, int, int, int, int), int>();
        for (var at = 0; at + n <= tokens.Length; at++)
        {
            int Token(int offset) => offset < n ? tokens[at + offset] : -1;
            var run = (tokens[at], Token(1), Token(2), Token(3), Token(4));
            counts[run] = counts.GetValueOrDefault(run) + 1;
        }

        return counts;
    }

    /// <summary>How many runs two texts share, each as often as in the text that has fewer of it.</summary>
    public static int Overlap(int[] first, int[] second, int n)
    {
        var others = Count(second, n);
        return Count(first, n).Sum(run => Math.Min(run.Value, others.GetValueOrDefault(run.Key)));
    }
}
