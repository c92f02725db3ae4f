using System.Text.Json;

namespace RftService.Data.Workers;

/// <summary>What the Api asks of a worker's sampling endpoint: POST {address}/sampling/completions, header X-Rft-Worker-Token.</summary>
/// <param name="ModelFolder">Base model, relative to the model root.</param>
/// <param name="CheckpointFolder">Checkpoint, relative to the data folder; null samples from the base model.</param>
/// <param name="IsAdapter">The checkpoint holds an adapter over the base model.</param>
/// <param name="Prompt">Plain text; null when <paramref name="Messages"/> is given.</param>
/// <param name="Messages">A conversation, rendered by the model's chat template.</param>
/// <param name="MaxTokens">Tokens at most for each completion.</param>
/// <param name="Temperature">0 takes the most likely token.</param>
/// <param name="TopP">1 keeps all.</param>
/// <param name="TopK">0 keeps all.</param>
/// <param name="Stop">Texts that end a completion.</param>
/// <param name="Samples">Completions, 1 to 16.</param>
/// <param name="Seed">The same seed gives the same text.</param>
/// <param name="MinP">0 keeps all.</param>
/// <param name="RepetitionPenalty">1 changes nothing.</param>
/// <param name="PresencePenalty">0 changes nothing.</param>
/// <param name="FrequencyPenalty">0 changes nothing.</param>
/// <param name="JsonObject">Completions are JSON objects.</param>
/// <param name="JsonSchema">Completions are JSON that this schema allows; null: any text.</param>
/// <param name="ModelSha256">Hash of the base model's weights when it was registered: other weights are refused; null is not compared.</param>
/// <param name="Project">Whose request it is: so many of one project may wait, see `Rft:Worker:MaxWaitingPerProject`, and prompts are kept for it alone.</param>
/// <param name="Tools">Tools that the conversation may use, a list; null: none.</param>
public sealed record SamplingRequest(
    string ModelFolder,
    string? CheckpointFolder,
    bool IsAdapter,
    string? Prompt,
    IReadOnlyList<SamplingMessage>? Messages,
    int MaxTokens,
    double Temperature,
    double TopP,
    int TopK,
    IReadOnlyList<string> Stop,
    int Samples,
    long Seed,
    double MinP = 0,
    double RepetitionPenalty = 1,
    double PresencePenalty = 0,
    double FrequencyPenalty = 0,
    bool JsonObject = false,
    JsonElement? JsonSchema = null,
    string? ModelSha256 = null,
    Guid Project = default,
    JsonElement? Tools = null);

/// <summary>One turn.</summary>
/// <param name="Role">Who speaks.</param>
/// <param name="Content">Its text; null where it only calls tools.</param>
/// <param name="Name">Who, or which tool.</param>
/// <param name="ToolCalls">As OpenAI writes them; null: none.</param>
/// <param name="ToolCallId">The call that a tool answers.</param>
public sealed record SamplingMessage(string Role, string? Content, string? Name = null, JsonElement? ToolCalls = null, string? ToolCallId = null);

/// <summary>
/// One line of the answer, application/x-ndjson: pieces of text as they come, then one line per completion with a finish reason
/// (its text empty), or one line with an error.
/// </summary>
/// <param name="Index">Which completion.</param>
/// <param name="Text">New text.</param>
/// <param name="FinishReason">`stop` or `length` on the last line of a completion.</param>
/// <param name="PromptTokens">On the last line of a completion.</param>
/// <param name="CompletionTokens">On the last line of a completion.</param>
/// <param name="ErrorCode">snake_case; the request cannot be served.</param>
/// <param name="ErrorMessage">Plain words with the remedy.</param>
/// <param name="CachedTokens">Of the prompt's tokens, those that were known from prompts of the same project; on the last line of a completion.</param>
public sealed record SamplingChunk(
    int Index,
    string Text,
    string? FinishReason = null,
    int? PromptTokens = null,
    int? CompletionTokens = null,
    string? ErrorCode = null,
    string? ErrorMessage = null,
    int? CachedTokens = null);
