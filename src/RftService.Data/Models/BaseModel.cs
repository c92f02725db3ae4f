namespace RftService.Data.Models;

/// <summary>A registered Hugging Face folder: below the model root, or downloaded from the hub.</summary>
public sealed class BaseModel
{
    /// <summary>Begins the <see cref="Folder"/> of a downloaded model; its id follows.</summary>
    public const string HubPrefix = "hub:";

    public required Guid Id { get; init; }

    public required Guid ProjectId { get; init; }

    /// <summary>Unique in the project; runs may name it.</summary>
    public required string Name { get; init; }

    /// <summary>Relative to the model root, or `hub:` and the model's id; see <see cref="Storage.ArtifactPaths.InModels"/>.</summary>
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

    public ModelStatus Status { get; init; }

    /// <summary>`org/name@revision` as it was registered; null for a folder.</summary>
    public string? HubId { get; init; }

    /// <summary>The commit that the revision stood for when the download began.</summary>
    public string? HubCommit { get; init; }

    /// <summary>Bytes of a download that have arrived.</summary>
    public long BytesDone { get; init; }

    /// <summary>Bytes of a download; null until the hub has listed its files.</summary>
    public long? BytesTotal { get; init; }

    /// <summary>How fast a download has come of late; null while none is under way.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>Why a download failed, a <see cref="ModelFailure"/>; null otherwise.</summary>
    public string? FailureJson { get; init; }

    /// <summary>Number of the last claim of a download; the fence of its writes.</summary>
    public int Attempt { get; init; }

    /// <summary>Until when the download is its worker's.</summary>
    public DateTimeOffset? LeaseUntil { get; init; }
}

/// <summary>Whether a model can be used. More may be added.</summary>
public enum ModelStatus
{
    /// <summary>It can be trained and sampled from.</summary>
    Ready,

    /// <summary>A worker brings its files from the hub.</summary>
    Downloading,

    /// <summary>Its files could not be brought, or are none of a model that this service can train.</summary>
    Failed,
}

/// <summary>Why the files of a model could not be brought.</summary>
/// <param name="Code">Stable snake_case name.</param>
/// <param name="File">The file that is at fault; null where it is none.</param>
/// <param name="Pointer">JSON pointer or tensor name inside the file; null where it is the whole of it.</param>
/// <param name="Message">What was expected and what was found.</param>
/// <param name="Remedy">What to do.</param>
public sealed record ModelFailure(string Code, string? File, string? Pointer, string Message, string Remedy);
