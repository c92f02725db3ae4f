using System.Text;
using static RftService.Engine.Rollouts.Constraints.GrammarNode;
using static RftService.Engine.Rollouts.Constraints.JsonGrammar;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>
/// Makes the grammar of a text in quotes that an automaton allows. Characters are written plainly, and escaped only where JSON demands it; where any
/// character may stand, however JSON can write it.
/// </summary>
internal sealed class TextGrammar
{
    private readonly Dictionary<string, GrammarRule> _rules = new(StringComparer.Ordinal);

    public GrammarNode Of(TextAutomaton automaton, GrammarNode next)
    {
        var end = Text("\"", next);
        Split[] places = [.. automaton.Places.Select(_ => new Split())];
        foreach (var (number, place) in automaton.Places.Index())
        {
            places[number].Ways.AddRange(place.Ways.Select(way => One(way.Set, places[way.Next])));
            if (place.MayEnd)
            {
                places[number].Ways.Add(end);
            }
        }

        return Text("\"", places[automaton.Start]);
    }

    private GrammarNode One(CharacterSet set, GrammarNode next)
    {
        if (set.Ranges.All(range => range is { First: >= 0x20, Last: < 0x7F }) && !set.Has('"') && !set.Has('\\'))
        {
            return new Take(Bytes(set.Ranges), next);
        }

        // A rule, because a bounded text may hold any character a thousand times.
        var key = string.Join(' ', set.Ranges);
        if (!_rules.TryGetValue(key, out var rule))
        {
            var isAll = set.Ranges.SequenceEqual(CharacterSet.All.Ranges);
            _rules[key] = rule = new GrammarRule { Start = Either(isAll ? Character(Return.Instance) : Ways(set, Return.Instance)) };
        }

        return new Call(rule, 0, next);
    }

    private static IEnumerable<GrammarNode> Ways(CharacterSet set, GrammarNode next)
    {
        var ascii = CharacterSet.Of(set.Ranges.Where(range => range.First < 0x80).Select(range => (range.First, Math.Min(range.Last, 0x7F))));
        var plain = ascii.Ranges.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1)).ToLookup(one => one >= 0x20 && one is not ('"' or '\\'));
        if (plain[true].Any())
        {
            yield return new Take(Bytes(plain[true].Select(one => (one, one))), next);
        }

        foreach (var one in plain[false])
        {
            yield return Text(Escape((char)one), next);
        }

        foreach (var (first, last) in set.Ranges.Where(range => range.Last >= 0x80))
        {
            foreach (var bytes in Utf8(Math.Max(first, 0x80), last))
            {
                yield return bytes.Reverse().Aggregate(next, (then, part) => new Take(ByteSet.Range(part.First, part.Last), then));
            }
        }
    }

    private static string Escape(char one) => one switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => $"\\u{(int)one:x4}",
    };

    private static ByteSet Bytes(IEnumerable<(int First, int Last)> ranges) =>
        ranges.Aggregate(default(ByteSet), (set, range) => set | ByteSet.Range((byte)range.First, (byte)range.Last));

    /// <summary>Characters of a range as sequences of ranges of bytes: it is cut where bytes behind the first one would not run over all of 80 to BF.</summary>
    private static IEnumerable<IReadOnlyList<(byte First, byte Last)>> Utf8(int first, int last)
    {
        foreach (var edge in (int[])[0x7FF, 0xFFFF])
        {
            if (first <= edge && last > edge)
            {
                return [.. Utf8(first, edge), .. Utf8(edge + 1, last)];
            }
        }

        for (var bits = 6; bits <= 18; bits += 6)
        {
            var low = (1 << bits) - 1; // the bits of the last bytes
            if ((first & ~low) == (last & ~low))
            {
                break;
            }

            if ((first & low) != 0)
            {
                return [.. Utf8(first, first | low), .. Utf8((first | low) + 1, last)];
            }

            if ((last & low) != low)
            {
                return [.. Utf8(first, (last & ~low) - 1), .. Utf8(last & ~low, last)];
            }
        }

        var (from, to) = (Encoding.UTF8.GetBytes(char.ConvertFromUtf32(first)), Encoding.UTF8.GetBytes(char.ConvertFromUtf32(last)));
        return [[.. from.Zip(to)]];
    }
}
