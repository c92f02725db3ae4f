namespace RftService.Data.Datasets;

/// <summary>An immutable JSONL file and what is known of it. The bytes lie in the artifact store under their hash.</summary>
public sealed class Dataset
{
    public required Guid Id { get; init; }

    public required Guid ProjectId { get; init; }

    public required string Name { get; init; }

    /// <summary>`prompts`, `expert`, `rollouts` or `preferences`.</summary>
    public required string Kind { get; init; }

    /// <summary>Of the file; lower-case hex.</summary>
    public required string Sha256 { get; init; }

    public required long Bytes { get; init; }

    public required int Rows { get; init; }

    /// <summary>Makes the prompt from the row where the row has neither `messages` nor `prompt`, as `{{item.question}}`.</summary>
    public string? PromptTemplate { get; init; }

    /// <summary>Makes the completion from the row where the row has no `completion`.</summary>
    public string? CompletionTemplate { get; init; }

    /// <summary>jsonb: counts of fields, length histograms, duplicates.</summary>
    public required string StatisticsJson { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Deleted datasets stay readable for the runs that used them.</summary>
    public DateTimeOffset? DeletedAt { get; set; }
}
