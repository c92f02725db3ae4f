using System.Text;

namespace RftService.Quickstart.Corpus;

/// <summary>Random choices for one problem. Seeded: the same seed gives the same problem on every machine and runtime.</summary>
internal sealed class Draw(ulong seed)
{
    private readonly StringBuilder _operands = new();
    private ulong _state = seed;

    /// <summary>The numbers drawn so far.</summary>
    public string Operands => _operands.ToString();

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included; part of the problem's key.</summary>
    public int Number(int low, int high)
    {
        var number = low + (int)(Next() % (ulong)(high - low + 1));
        _operands.Append(' ').Append(number);
        return number;
    }

    /// <summary>One of the choices; not part of the key.</summary>
    public T Pick<T>(IReadOnlyList<T> choices) => choices[(int)(Next() % (ulong)choices.Count)];

    /// <summary>True in <paramref name="percent"/> of 100 cases.</summary>
    public bool Chance(int percent) => Next() % 100 < (ulong)percent;

    /// <summary>FNV-1a; string.GetHashCode differs from process to process.</summary>
    public static ulong Hash(string text) =>
        Mix(Encoding.UTF8.GetBytes(text).Aggregate(14695981039346656037UL, (hash, b) => (hash ^ b) * 1099511628211UL));

    private ulong Next() => Mix(_state += 0x9E3779B97F4A7C15UL);

    // SplitMix64 (Steele, Lea and Flood 2014).
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
