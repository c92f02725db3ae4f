namespace RftService.Api.Datasets;

/// <summary>What is known of a dataset's content.</summary>
public sealed record DatasetStatistics
{
    /// <summary>Rows; one a line.</summary>
    public required int Rows { get; init; }

    /// <summary>Size of the file.</summary>
    public required long Bytes { get; init; }

    /// <summary>Keys of the rows' objects, in name order; at most 200.</summary>
    public required IReadOnlyDictionary<string, FieldStatistics> Fields { get; init; }

    /// <summary>Keys beyond the 200 that are counted by name, summed over all rows.</summary>
    public required long OtherFields { get; init; }

    /// <summary>Lengths of the prompts; a conversation counts the contents of all messages.</summary>
    public required LengthStatistics PromptCharacters { get; init; }

    /// <summary>Lengths of the completions (of preferences: chosen and rejected); absent in a dataset of prompts.</summary>
    public LengthStatistics? CompletionCharacters { get; init; }

    /// <summary>Prompts that stand in the file more than once.</summary>
    public required DuplicateStatistics DuplicatePrompts { get; init; }
}

/// <summary>One key.</summary>
/// <param name="Present">Rows that have it.</param>
/// <param name="Types">Rows by the JSON type of its value: `string`, `number`, `boolean`, `object`, `array`, `null`.</param>
public sealed record FieldStatistics(long Present, IReadOnlyDictionary<string, long> Types);

/// <summary>Lengths in characters (UTF-16 units), exact.</summary>
/// <param name="Min">Shortest.</param>
/// <param name="Median">Half of the texts are not longer.</param>
/// <param name="Mean">Average.</param>
/// <param name="P95">95 of 100 texts are not longer.</param>
/// <param name="Max">Longest.</param>
/// <param name="Histogram">Counts by power of two, without leading and trailing empty ones.</param>
public sealed record LengthStatistics(int Min, int Median, double Mean, int P95, int Max, IReadOnlyList<LengthBucket> Histogram);

/// <summary>Texts whose length lies in a range.</summary>
/// <param name="From">Shortest length of the range.</param>
/// <param name="To">Longest length of the range.</param>
/// <param name="Count">How many texts.</param>
public sealed record LengthBucket(int From, int To, long Count);

/// <summary>Exact duplicates.</summary>
/// <param name="Rows">Rows whose prompt stood in an earlier row already.</param>
/// <param name="CheckedRows">Rows that were compared: the first million at most.</param>
public sealed record DuplicateStatistics(long Rows, long CheckedRows);
