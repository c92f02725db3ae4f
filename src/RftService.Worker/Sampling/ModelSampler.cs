using Microsoft.Extensions.Options;
using RftService.Data.Storage;
using RftService.Data.Workers;
using RftService.Engine;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Worker.Hosting;

namespace RftService.Worker.Sampling;

/// <summary>Samples from base models and checkpoints: the requests of one model in one batch. For one thread.</summary>
internal sealed class ModelSampler(ModelCache models, ArtifactPaths paths, TorchRuntime torch, IOptions<WorkerOptions> options) : ISampling
{
    private readonly List<SamplingWork> _later = []; // their models wait for room

    // While requests wait for room for their model none is taken in: the models that fill it must come to an end.
    public bool HasRoom => _later.Count == 0 && models.Loaded.Sum(model => model.Batch.Rows) < options.Value.MaxBatchRows;

    public void Begin(SamplingWork work)
    {
        torch.UseOnThisThread();
        if (!TryBegin(work))
        {
            _later.Add(work);
        }
    }

    public void Step()
    {
        _later.RemoveAll(work => work.IsDone || work.End.IsCancellationRequested || IsServed(work));
        foreach (var model in models.Loaded.Where(model => model.Batch.Rows > 0))
        {
            model.Batch.Step();
        }
    }

    public void Clear()
    {
        _later.Clear();
        foreach (var model in models.Loaded)
        {
            model.Batch.Clear();
        }
    }

    private bool IsServed(SamplingWork work)
    {
        try
        {
            return TryBegin(work);
        }
        catch (SamplingFault fault)
        {
            work.Fail(fault.Code, fault.Message);
            return true;
        }
    }

    // False while every model that is loaded is in use.
    private bool TryBegin(SamplingWork work)
    {
        var request = work.Request;
        var model = models.Get(new ModelKey(
            paths.InModels(request.ModelFolder),
            request.CheckpointFolder is { } checkpoint ? paths.InData(checkpoint) : null,
            request.IsAdapter,
            request.ModelSha256));
        if (model is null)
        {
            return false;
        }

        var prompt = Encode(model, request);
        var context = model.Model.Config.ContextLength;
        if (prompt.Length == 0)
        {
            throw new SamplingFault("prompt_empty", "The prompt has no tokens. Give one.");
        }

        if (prompt.Length >= context)
        {
            throw new SamplingFault("prompt_too_long", $"The prompt has {prompt.Length} tokens, the model's context {context}. Shorten it.");
        }

        var known = 0;
        model.Batch.Add(new GroupRequest
        {
            Prompt = prompt,
            Owner = request.Project,
            OnPrompt = tokens => known = tokens,
            GroupSize = request.Samples,
            Spec = SpecOf(request),
            Seed = unchecked((ulong)request.Seed),
            OnPiece = (index, text) => work.Write(new SamplingChunk(index, text)),
            OnDone = completions => Finish(work, prompt.Length, known, completions),
            Cancellation = work.End,
        });
        return true;
    }

    private static SamplingSpec SpecOf(SamplingRequest request) => new()
    {
        Temperature = request.Temperature,
        TopP = request.TopP,
        TopK = request.TopK,
        MinP = request.MinP,
        RepetitionPenalty = request.RepetitionPenalty,
        PresencePenalty = request.PresencePenalty,
        FrequencyPenalty = request.FrequencyPenalty,
        MaxTokens = request.MaxTokens,
        Stop = request.Stop,
        ResponseFormat = request.JsonSchema is { } schema
            ? new() { Type = ResponseFormatKind.JsonSchema, JsonSchema = new() { Name = "schema", Schema = schema } }
            : request.JsonObject ? new() { Type = ResponseFormatKind.JsonObject } : null,
    };

    private static void Finish(SamplingWork work, int promptTokens, int knownTokens, IReadOnlyList<Rollout> completions)
    {
        foreach (var (index, completion) in completions.Index())
        {
            work.Write(new SamplingChunk(
                index, "", completion.Stop == StopReason.Length ? "length" : "stop", promptTokens, completion.Tokens.Count, CachedTokens: knownTokens));
        }

        work.Complete();
    }

    private static int[] Encode(LoadedModel model, SamplingRequest request)
    {
        if (request.Messages is not null && model.Tokenizer.ChatTemplate is null)
        {
            throw new SamplingFault("no_chat_template", "The model has no chat template. Send a plain prompt to the completions endpoint.");
        }

        try
        {
            return model.Tokenizer.EncodePrompt(request.Prompt, request.Messages?.Select(Turn).ToList(), out _, request.Tools);
        }
        catch (TrainingException refused)
        {
            throw new SamplingFault("prompt_refused", $"{refused.Message} {refused.Remedy}", refused);
        }
    }

    private static ChatMessage Turn(SamplingMessage message) => new(message.Role, message.Content)
    {
        Name = message.Name,
        ToolCallId = message.ToolCallId,
        ToolCalls = message.ToolCalls?.EnumerateArray().Select(ChatToolCall.Read).ToList(),
    };
}
