using System.Numerics;

namespace RftService.Grading.Similarity;

/// <summary>
/// Length of the longest common subsequence, 64 positions at a time (Hyyrö 2004, "Bit-parallel LCS-length computation revisited").
/// Only blocks in which a token occurs are touched, so that memory is linear in the length whatever the alphabet.
/// </summary>
internal static class CommonSubsequence
{
    public static int Length(ReadOnlySpan<int> first, ReadOnlySpan<int> second)
    {
        var occurrences = Occurrences(first);
        var open = new ulong[(first.Length + 63) / 64]; // a 0 bit is a position that ends one more match
        Array.Fill(open, ulong.MaxValue);
        foreach (var token in second)
        {
            if (occurrences.TryGetValue(token, out var blocks))
            {
                Advance(open, blocks);
            }
        }

        var length = 0;
        for (var block = 0; block < open.Length; block++)
        {
            length += 64 - BitOperations.PopCount(open[block]);
        }

        return length;
    }

    private static void Advance(ulong[] open, List<(int Block, ulong Mask)> blocks)
    {
        var carry = 0UL;
        var next = 0;
        for (var block = blocks[0].Block; block < open.Length; block++)
        {
            var mask = 0UL;
            if (next < blocks.Count && blocks[next].Block == block)
            {
                mask = blocks[next++].Mask;
            }
            else if (carry == 0)
            {
                if (next == blocks.Count)
                {
                    return;
                }

                block = blocks[next].Block - 1;
                continue;
            }

            var hit = open[block] & mask;
            var sum = open[block] + hit;
            var overflow = sum < hit ? 1UL : 0;
            sum += carry;
            overflow |= sum < carry ? 1UL : 0;
            open[block] = sum | (open[block] - hit);
            carry = overflow;
        }
    }

    private static Dictionary<int, List<(int Block, ulong Mask)>> Occurrences(ReadOnlySpan<int> tokens)
    {
        var occurrences = new Dictionary<int, List<(int Block, ulong Mask)>>();
        for (var i = 0; i < tokens.Length; i++)
        {
            if (!occurrences.TryGetValue(tokens[i], out var blocks))
            {
                occurrences.Add(tokens[i], blocks = []);
            }

            var bit = 1UL << (i & 63);
            if (blocks.Count > 0 && blocks[^1].Block == i >> 6)
            {
                blocks[^1] = (i >> 6, blocks[^1].Mask | bit);
            }
            else
            {
                blocks.Add((i >> 6, bit));
            }
        }

        return occurrences;
    }
}
