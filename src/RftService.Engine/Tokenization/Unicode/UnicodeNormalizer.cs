using System.Globalization;
using System.Text;

namespace RftService.Engine.Tokenization.Unicode;

/// <summary>
/// The four normalization forms of Unicode (UAX #15). An own one, because <see cref="string.Normalize()"/> silently returns its input
/// where globalization is invariant, and so a tokenizer would give other tokens on another host.
/// </summary>
internal static class UnicodeNormalizer
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TailCount = 28;
    private static readonly Lazy<NormalizationTable> Table = new(NormalizationTable.Read);

    public static string Normalize(string text, NormalizationForm form)
    {
        var compose = form is NormalizationForm.FormC or NormalizationForm.FormKC;
        var compatible = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
        if (IsStable(text, form))
        {
            return text;
        }

        var table = Table.Value;
        var points = new List<int>(text.Length + 8);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, compatible, table, points);
        }

        Order(points, table);
        if (compose)
        {
            Compose(points, table);
        }

        var normalized = new StringBuilder(points.Count);
        foreach (var point in points)
        {
            normalized.Append(new Rune(point).ToString());
        }

        return normalized.ToString();
    }

    // Below these code points no character changes, whatever follows it: combining marks start at U+0300.
    private static bool IsStable(string text, NormalizationForm form)
    {
        var limit = form == NormalizationForm.FormC ? 0x300 : 0x80;
        foreach (var unit in text)
        {
            if (unit >= limit)
            {
                return false;
            }
        }

        return true;
    }

    private static void Decompose(int point, bool compatible, NormalizationTable table, List<int> into)
    {
        if (point is >= HangulBase and < HangulBase + (LeadCount * VowelCount * TailCount))
        {
            var syllable = point - HangulBase;
            into.Add(LeadBase + (syllable / (VowelCount * TailCount)));
            into.Add(VowelBase + (syllable % (VowelCount * TailCount) / TailCount));
            if (syllable % TailCount is var tail and > 0)
            {
                into.Add(TailBase + tail);
            }
        }
        else if (table.Decompositions.TryGetValue(point, out var entry) && (compatible || !entry.Compatible))
        {
            foreach (var part in entry.Parts)
            {
                Decompose(part, compatible, table, into);
            }
        }
        else
        {
            into.Add(point);
        }
    }

    // Canonical ordering: a stable sort of each run of marks by combining class.
    private static void Order(List<int> points, NormalizationTable table)
    {
        for (var start = 0; start < points.Count;)
        {
            if (table.Class(points[start]) == 0)
            {
                start++;
                continue;
            }

            var end = start;
            while (end < points.Count && table.Class(points[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = points.GetRange(start, end - start).OrderBy(table.Class).ToList(); // OrderBy is stable
                for (var i = 0; i < sorted.Count; i++)
                {
                    points[start + i] = sorted[i];
                }
            }

            start = end;
        }
    }

    private static void Compose(List<int> points, NormalizationTable table)
    {
        int starter = -1, write = 0, lastClass = -1;
        for (var read = 0; read < points.Count; read++)
        {
            var point = points[read];
            var combining = table.Class(point);
            // A mark is blocked from its starter by a mark of the same or a higher class between them.
            if (starter >= 0 && lastClass < combining && TryCompose(points[starter], point, table) is { } composed)
            {
                points[starter] = composed;
                continue;
            }

            if (combining == 0)
            {
                starter = write;
                lastClass = -1;
            }
            else
            {
                lastClass = combining;
            }

            points[write++] = point;
        }

        points.RemoveRange(write, points.Count - write);
    }

    private static int? TryCompose(int first, int second, NormalizationTable table)
    {
        if (first is >= LeadBase and < LeadBase + LeadCount && second is >= VowelBase and < VowelBase + VowelCount)
        {
            return HangulBase + ((((first - LeadBase) * VowelCount) + second - VowelBase) * TailCount);
        }

        if (first is >= HangulBase and < HangulBase + (LeadCount * VowelCount * TailCount)
            && (first - HangulBase) % TailCount == 0
            && second is > TailBase and < TailBase + TailCount)
        {
            return first + second - TailBase;
        }

        return table.Compositions.TryGetValue((first, second), out var composed) ? composed : null;
    }
}

/// <summary>The data of normalization.txt, made from the Unicode Character Database.</summary>
internal sealed class NormalizationTable
{
    private readonly Dictionary<int, byte> _classes = [];

    public Dictionary<int, (bool Compatible, int[] Parts)> Decompositions { get; } = [];

    public Dictionary<(int First, int Second), int> Compositions { get; } = [];

    public int Class(int point) => _classes.GetValueOrDefault(point);

    public static NormalizationTable Read()
    {
        using var stream = typeof(NormalizationTable).Assembly.GetManifestResourceStream("normalization.txt")
            ?? throw new InvalidOperationException("normalization.txt is not embedded in the Engine.");
        using var reader = new StreamReader(stream);
        var table = new NormalizationTable();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            var fields = line.Split(';');
            var point = Hex(fields[0]);
            if (fields[1] != "0")
            {
                table._classes[point] = byte.Parse(fields[1], CultureInfo.InvariantCulture);
            }

            if (fields[2].Length > 0)
            {
                var parts = fields[3].Split(' ').Select(Hex).ToArray();
                table.Decompositions[point] = (fields[2] == "K", parts);
                if (fields[2] == "C")
                {
                    table.Compositions[(parts[0], parts[1])] = point;
                }
            }
        }

        return table;
    }

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
