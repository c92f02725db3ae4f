using System.Text;
using RftService.Data.Workers;

namespace RftService.Api.Completions;

/// <summary>Turns a worker's pieces into OpenAI's form.</summary>
internal sealed class CompletionWriter(string model, int seed, bool isChat, int samples, DateTimeOffset now)
{
    private readonly string _id = (isChat ? "chatcmpl-" : "cmpl-") + Guid.CreateVersion7(now).ToString("N");
    private readonly StringBuilder[] _texts = [.. Enumerable.Range(0, samples).Select(_ => new StringBuilder())];
    private readonly string?[] _ends = new string?[samples];
    private readonly bool[] _begun = new bool[samples];
    private int _promptTokens;
    private int _cachedTokens;
    private int _completionTokens;

    /// <summary>Keeps a piece.</summary>
    public void Add(SamplingChunk chunk)
    {
        _texts[chunk.Index].Append(chunk.Text);
        _ends[chunk.Index] ??= chunk.FinishReason;
        _promptTokens = Math.Max(_promptTokens, chunk.PromptTokens ?? 0);
        _cachedTokens = Math.Max(_cachedTokens, chunk.CachedTokens ?? 0);
        _completionTokens += chunk.CompletionTokens ?? 0;
    }

    /// <summary>All completions at once.</summary>
    public CompletionResponse Whole() => Response(isChat ? "chat.completion" : "text_completion",
        [.. Enumerable.Range(0, samples).Select(index => new CompletionChoice
        {
            Index = index,
            Text = isChat ? null : _texts[index].ToString(),
            Message = isChat ? new CompletionMessage("assistant", _texts[index].ToString()) : null,
            FinishReason = _ends[index],
        })]) with
    { Usage = Usage() };

    /// <summary>One chunk of a stream; the piece must have been added.</summary>
    public CompletionResponse Piece(SamplingChunk chunk)
    {
        var role = _begun[chunk.Index] ? null : "assistant";
        _begun[chunk.Index] = true;
        var choice = new CompletionChoice
        {
            Index = chunk.Index,
            Text = isChat ? null : chunk.Text,
            Delta = isChat ? new CompletionMessage(role, chunk.Text) : null,
            FinishReason = chunk.FinishReason,
        };
        var isLast = _ends.All(end => end is not null);
        return Response(isChat ? "chat.completion.chunk" : "text_completion", [choice]) with { Usage = isLast ? Usage() : null };
    }

    private CompletionResponse Response(string kind, IReadOnlyList<CompletionChoice> choices) => new()
    {
        Id = _id,
        Object = kind,
        Created = now.ToUnixTimeSeconds(),
        Model = model,
        Seed = seed,
        Choices = choices,
    };

    private CompletionUsage Usage() => new(_promptTokens, _completionTokens, _promptTokens + _completionTokens, new(_cachedTokens));
}
