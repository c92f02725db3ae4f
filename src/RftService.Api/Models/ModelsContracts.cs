using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Api.Http;
using RftService.Data.Models;

namespace RftService.Api.Models;

/// <summary>Registers a folder below the model root, or a model of the hub that a worker then downloads.</summary>
public sealed record RegisterModelRequest : IRequestBody<RegisterModelRequest>, IValidatableObject
{
    /// <summary>Unique in the project; runs may name it.</summary>
    [RegularExpression("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    public required string Name { get; init; }

    /// <summary>
    /// Path relative to the model root, with config.json, *.safetensors and tokenizer.json in it; see `GET /models/available`. Give this or
    /// `hub_id`.
    /// </summary>
    [StringLength(1000, MinimumLength = 1)]
    public string? Folder { get; init; }

    /// <summary>`org/name@revision` on the hub; without a revision it is `main`. The commit that it stands for at the download is kept.</summary>
    [RegularExpression(HubModelId.Pattern)]
    public string? HubId { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("The quickstart model", """{ "name": "quickstart", "folder": "quickstart" }"""),
        new("From the hub", """{ "name": "smollm2-135m", "hub_id": "HuggingFaceTB/SmolLM2-135M-Instruct@main" }"""),
    ];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Folder is null == HubId is null)
        {
            yield return new ValidationResult("give either folder or hub_id", [nameof(Folder)]);
        }
    }
}

/// <summary>A registered base model. What its files say is null until they are there.</summary>
public sealed record ModelResponse
{
    /// <summary>`md_...`</summary>
    public required string Id { get; init; }

    /// <summary>Unique in the project.</summary>
    public required string Name { get; init; }

    /// <summary>Only a `ready` model can be used; more may be added.</summary>
    public required ModelStatus Status { get; init; }

    /// <summary>Relative to the model root; null for a model of the hub.</summary>
    public required string? Folder { get; init; }

    /// <summary>As it was registered; null for a folder.</summary>
    public required string? HubId { get; init; }

    /// <summary>The commit that its files are of; null for a folder, and until the hub has said it.</summary>
    public required string? HubCommit { get; init; }

    /// <summary>Where the download stands; null for a folder.</summary>
    public required ModelDownloadState? Download { get; init; }

    /// <summary>Why the download failed; null otherwise. `POST /models/{id}/download` tries again.</summary>
    public required ModelFailure? Failure { get; init; }

    /// <summary>Architecture, as `llama`.</summary>
    public required string? Family { get; init; }

    /// <summary>Number of parameters; a tied matrix counts once.</summary>
    public required long? Parameters { get; init; }

    /// <summary>Longest prompt + completion in tokens.</summary>
    public required int? ContextLength { get; init; }

    /// <summary>Number of tokens.</summary>
    public required int? VocabularySize { get; init; }

    /// <summary>Of the stored weights.</summary>
    public required string? Dtype { get; init; }

    /// <summary>True when the head shares the token embedding.</summary>
    public required bool? TiedEmbeddings { get; init; }

    /// <summary>True when datasets with `messages` can be used.</summary>
    public required bool? HasChatTemplate { get; init; }

    /// <summary>Over the weights' files.</summary>
    public required string? Sha256 { get; init; }

    /// <summary>Size of the weights' files.</summary>
    public required long? Bytes { get; init; }

    /// <summary>When it was registered.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    internal static ModelResponse From(BaseModel model)
    {
        var known = model.Status == ModelStatus.Ready;
        return new ModelResponse
        {
            Id = PublicId.Model.Format(model.Id),
            Name = model.Name,
            Status = model.Status,
            Folder = model.HubId is null ? model.Folder : null,
            HubId = model.HubId,
            HubCommit = model.HubCommit,
            Download = model.HubId is null ? null : ModelDownloadState.From(model),
            Failure = model.FailureJson is { } failure ? JsonSerializer.Deserialize<ModelFailure>(failure, JsonSetup.Options) : null,
            Family = known ? model.Family : null,
            Parameters = known ? model.Parameters : null,
            ContextLength = known ? model.ContextLength : null,
            VocabularySize = known ? model.VocabularySize : null,
            Dtype = known ? model.Dtype : null,
            TiedEmbeddings = known ? model.TiedEmbeddings : null,
            HasChatTemplate = known ? model.HasChatTemplate : null,
            Sha256 = known ? model.Sha256 : null,
            Bytes = known ? model.Bytes : null,
            CreatedAt = model.CreatedAt,
        };
    }
}

/// <summary>Where a download stands.</summary>
/// <param name="BytesDone">Bytes that have arrived.</param>
/// <param name="BytesTotal">Bytes of all its files; null until the hub has listed them.</param>
/// <param name="BytesPerSecond">How fast they have come of late; null while none come.</param>
/// <param name="SecondsLeft">At that speed; null where it cannot be said.</param>
public sealed record ModelDownloadState(long BytesDone, long? BytesTotal, long? BytesPerSecond, long? SecondsLeft)
{
    internal static ModelDownloadState From(BaseModel model)
    {
        var rate = model.Status == ModelStatus.Downloading ? model.BytesPerSecond : null;
        var left = model.BytesTotal - model.BytesDone;
        return new ModelDownloadState(
            model.BytesDone, model.BytesTotal, rate, rate > 0 && left is { } bytes ? (Math.Max(bytes, 0) + rate.Value - 1) / rate.Value : null);
    }
}

/// <summary>Folders that can be registered.</summary>
/// <param name="Data">Relative to the model root, in name order; each holds a config.json.</param>
/// <param name="HasMore">True when there are more than are shown.</param>
public sealed record AvailableModels(IReadOnlyList<string> Data, bool HasMore);
