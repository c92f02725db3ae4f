using System.ComponentModel.DataAnnotations;
using RftService.Api.Http;
using RftService.Data.Models;

namespace RftService.Api.Models;

/// <summary>Registers a folder below the model root.</summary>
public sealed record RegisterModelRequest : IRequestBody<RegisterModelRequest>
{
    /// <summary>Unique in the project; runs may name it.</summary>
    [RegularExpression("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    public required string Name { get; init; }

    /// <summary>Path relative to the model root, with config.json, *.safetensors and tokenizer.json in it; see `GET /models/available`.</summary>
    [StringLength(1000, MinimumLength = 1)]
    public required string Folder { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("The quickstart model", """{ "name": "quickstart", "folder": "quickstart" }"""),
    ];
}

/// <summary>A registered base model.</summary>
/// <param name="Id">`md_...`</param>
/// <param name="Name">Unique in the project.</param>
/// <param name="Folder">Relative to the model root.</param>
/// <param name="Family">Architecture, as `llama`.</param>
/// <param name="Parameters">Number of parameters; a tied matrix counts once.</param>
/// <param name="ContextLength">Longest prompt + completion in tokens.</param>
/// <param name="VocabularySize">Number of tokens.</param>
/// <param name="Dtype">Of the stored weights.</param>
/// <param name="TiedEmbeddings">True when the head shares the token embedding.</param>
/// <param name="HasChatTemplate">True when datasets with `messages` can be used.</param>
/// <param name="Sha256">Over the weights' files.</param>
/// <param name="Bytes">Size of the weights' files.</param>
/// <param name="CreatedAt">When it was registered.</param>
public sealed record ModelResponse(
    string Id, string Name, string Folder, string Family, long Parameters, int ContextLength, int VocabularySize, string Dtype,
    bool TiedEmbeddings, bool HasChatTemplate, string Sha256, long Bytes, DateTimeOffset CreatedAt)
{
    internal static ModelResponse From(BaseModel model) => new(
        PublicId.Model.Format(model.Id), model.Name, model.Folder, model.Family, model.Parameters, model.ContextLength, model.VocabularySize,
        model.Dtype, model.TiedEmbeddings, model.HasChatTemplate, model.Sha256, model.Bytes, model.CreatedAt);
}

/// <summary>Folders that can be registered.</summary>
/// <param name="Data">Relative to the model root, in name order; each holds a config.json.</param>
/// <param name="HasMore">True when there are more than are shown.</param>
public sealed record AvailableModels(IReadOnlyList<string> Data, bool HasMore);
