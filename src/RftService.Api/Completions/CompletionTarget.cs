using Microsoft.EntityFrameworkCore;
using RftService.Api.Checkpoints;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Models;
using RftService.Data.Workers;
using RftService.Engine.Rollouts;

namespace RftService.Api.Completions;

/// <summary>What to sample from: a base model, or a checkpoint over one.</summary>
/// <param name="Id">As the client named it.</param>
/// <param name="Model">The base model.</param>
/// <param name="CheckpointFolder">Relative to the data folder; null for the base model itself.</param>
/// <param name="IsAdapter">The checkpoint holds an adapter.</param>
internal sealed record CompletionTarget(string Id, BaseModel Model, string? CheckpointFolder, bool IsAdapter)
{
    private const int DefaultMaxTokens = 256;

    public static async Task<CompletionTarget?> OfCheckpointAsync(RftDbContext db, Caller caller, string id, CancellationToken cancellation)
    {
        if (await db.FindCheckpointAsync(caller, id, cancellation) is not { } checkpoint)
        {
            return null;
        }

        var model = await db.Runs.Where(run => run.Id == checkpoint.RunId)
            .Join(db.Models, run => run.ModelId, model => model.Id, (_, model) => model)
            .AsNoTracking().SingleAsync(cancellation);
        return new CompletionTarget(id, model, checkpoint.Folder, checkpoint.IsAdapter);
    }

    public static async Task<CompletionTarget?> OfModelAsync(RftDbContext db, Caller caller, string id, CancellationToken cancellation) =>
        PublicId.Model.TryParse(id, out var guid)
        && await db.Models.AsNoTracking().SingleOrDefaultAsync(model => model.Id == guid && model.ProjectId == caller.ProjectId, cancellation) is { } found
            ? new CompletionTarget(id, found, null, false)
            : null;

    /// <summary>By the id of a checkpoint, or the id or name of a base model.</summary>
    public static async Task<CompletionTarget?> OfNameAsync(RftDbContext db, Caller caller, string name, CancellationToken cancellation) =>
        await OfCheckpointAsync(db, caller, name, cancellation) ?? await OfModelAsync(db, caller, name, cancellation)
        ?? (await db.Models.AsNoTracking().SingleOrDefaultAsync(model => model.Name == name && model.ProjectId == caller.ProjectId, cancellation) is { } found
            ? new CompletionTarget(name, found, null, false)
            : null);

    /// <summary>The request as the worker takes it.</summary>
    public SamplingRequest Ask(SamplingBody body, int seed) => new(
        Model.Folder, CheckpointFolder, IsAdapter,
        (body as CompletionRequest)?.Prompt,
        (body as ChatBody)?.Messages.Select(message => message.ToSampling()).ToList(),
        body.Limit.Tokens ?? DefaultMaxTokens, body.Temperature, body.TopP, body.TopK, body.Stop, body.N, seed,
        body.MinP, body.RepetitionPenalty, body.PresencePenalty, body.FrequencyPenalty,
        body.ResponseFormat?.Type == ResponseFormatKind.JsonObject, body.ResponseFormat?.JsonSchema?.Schema,
        Model.Sha256, Model.ProjectId,
        (body as ChatBody)?.Tools is { Count: > 0 } tools ? ChatMessageBody.Written(tools) : null);
}
