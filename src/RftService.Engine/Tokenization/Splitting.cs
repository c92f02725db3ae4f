namespace RftService.Engine.Tokenization;

/// <summary>What becomes of the delimiters when text is cut at them. The names are those of tokenizer.json.</summary>
internal enum SplitBehavior
{
    Isolated,
    Removed,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Cuts a text at the matches of a pattern.</summary>
internal static class Splitting
{
    public static List<(int Start, int End)> Cut(string text, List<(int Start, int End)> matches, SplitBehavior behavior, bool invert)
    {
        var spans = Cover(text.Length, matches);
        var kept = new List<(int Start, int End)>(spans.Count);
        var reversed = behavior == SplitBehavior.MergedWithNext;
        if (reversed)
        {
            spans.Reverse();
        }

        var previous = false;
        foreach (var (start, end, matched) in spans)
        {
            var delimiter = matched != invert;
            if (behavior == SplitBehavior.Removed && delimiter)
            {
                continue;
            }

            var join = behavior switch
            {
                SplitBehavior.MergedWithPrevious or SplitBehavior.MergedWithNext => delimiter && !previous,
                SplitBehavior.Contiguous => delimiter == previous,
                SplitBehavior.Isolated or SplitBehavior.Removed => false,
            };
            if (join && kept.Count > 0)
            {
                kept[^1] = reversed ? (start, kept[^1].End) : (kept[^1].Start, end);
            }
            else
            {
                kept.Add((start, end));
            }

            previous = delimiter;
        }

        if (reversed)
        {
            kept.Reverse();
        }

        kept.RemoveAll(span => span.Start == span.End);
        return kept;
    }

    private static List<(int Start, int End, bool Matched)> Cover(int length, List<(int Start, int End)> matches)
    {
        var spans = new List<(int, int, bool)>((2 * matches.Count) + 1);
        var done = 0;
        foreach (var (start, end) in matches)
        {
            if (start > done)
            {
                spans.Add((done, start, false));
            }

            spans.Add((start, end, true));
            done = end;
        }

        if (done < length)
        {
            spans.Add((done, length, false));
        }

        return spans;
    }
}
