namespace RftService.Data.Models;

/// <summary>A registered Hugging Face folder below the model root.</summary>
public sealed class BaseModel
{
    public required Guid Id { get; init; }

    public required Guid ProjectId { get; init; }

    /// <summary>Unique in the project; runs may name it.</summary>
    public required string Name { get; init; }

    /// <summary>Relative to the model root.</summary>
    public required string Folder { get; init; }

    public required string Family { get; init; }

    public required long Parameters { get; init; }

    public required int ContextLength { get; init; }

    public required int VocabularySize { get; init; }

    public required string Dtype { get; init; }

    public required bool TiedEmbeddings { get; init; }

    public required bool HasChatTemplate { get; init; }

    public required string Sha256 { get; init; }

    public required long Bytes { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
