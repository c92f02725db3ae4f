using System.Globalization;
using RftService.Api.Http;

namespace RftService.Api.Datasets;

/// <summary>Collects every fault of a file: the first ones in full, all of them counted by code.</summary>
internal sealed class DatasetReport
{
    /// <summary>Faults listed in full; beyond it they are only counted.</summary>
    public const int MaxListed = 1_000;

    private readonly List<ProblemError> _faults = [];
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public IReadOnlyList<ProblemError> Faults => _faults;

    public IReadOnlyDictionary<string, long> CountsByCode => _counts;

    public long Total { get; private set; }

    /// <param name="line">Line of the file, from 1; null when the file as a whole is at fault.</param>
    /// <param name="pointer">JSON pointer inside the line's object.</param>
    /// <param name="code">Stable snake_case name.</param>
    /// <param name="expected">What should be there, as `a string`.</param>
    /// <param name="found">What is there, as `a number`.</param>
    /// <param name="remedy">What to do where it does not follow from the rest.</param>
    public void Add(long? line, string pointer, string code, string expected, string found, string? remedy = null)
    {
        Total++;
        _counts[code] = _counts.GetValueOrDefault(code) + 1;
        if (_faults.Count < MaxListed)
        {
            var message = $"expected {expected}, found {found}" + (remedy is null ? "" : $"; {remedy}");
            _faults.Add(new ProblemError(pointer, code, message, line is { } known ? (int)Math.Min(known, int.MaxValue) : null));
        }
    }

    /// <summary>The counts in words.</summary>
    public string Summary() => string.Create(CultureInfo.InvariantCulture, $"{Total} {(Total == 1 ? "error" : "errors")} (")
        + string.Join(", ", _counts.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Key} {count.Value}")))
        + (Total > MaxListed ? $"); the first {MaxListed} are listed" : ")");
}
