using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using RftService.Api.Http;
using RftService.Engine.Rollouts;

namespace RftService.Api.Completions;

/// <summary>How to sample.</summary>
public abstract record SamplingBody
{
    /// <summary>Tokens at most for each completion; absent: 256, or what the model's context leaves after the prompt.</summary>
    [Range(1, 131_072)]
    public int? MaxTokens { get; init; }

    /// <summary>Divides the logits; 0 takes the most likely token.</summary>
    [Range(0.0, 10.0)]
    [DefaultValue(1.0)]
    public double Temperature { get; init; } = 1.0;

    /// <summary>Keeps the smallest set of tokens whose probability reaches this; 1 keeps all.</summary>
    [Range(0.01, 1.0)]
    [DefaultValue(1.0)]
    public double TopP { get; init; } = 1.0;

    /// <summary>Keeps this many most likely tokens; 0 keeps all.</summary>
    [Range(0, 1_000_000)]
    [DefaultValue(0)]
    public int TopK { get; init; }

    /// <summary>Drops tokens less likely than this share of the most likely one's probability; 0 keeps all.</summary>
    [Range(0.0, 1.0)]
    [DefaultValue(0.0)]
    public double MinP { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens that prompt or completion hold; 1 changes nothing.</summary>
    [Range(0.01, 10.0)]
    [DefaultValue(1.0)]
    public double RepetitionPenalty { get; init; } = 1.0;

    /// <summary>Taken off the logits of tokens that the completion holds; 0 changes nothing.</summary>
    [Range(-2.0, 2.0)]
    [DefaultValue(0.0)]
    public double PresencePenalty { get; init; }

    /// <summary>Taken off the logits of tokens as many times as the completion holds them; 0 changes nothing.</summary>
    [Range(-2.0, 2.0)]
    [DefaultValue(0.0)]
    public double FrequencyPenalty { get; init; }

    /// <summary>Texts that end a completion; at most 8, each 1 to 200 characters.</summary>
    [MaxLength(8)]
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Holds completions to JSON; absent: any text. Say in the prompt what is wanted: only the form is kept.</summary>
    public ResponseFormat? ResponseFormat { get; init; }

    /// <summary>Completions, 1 to 16.</summary>
    [Range(1, 16)]
    [DefaultValue(1)]
    public int N { get; init; } = 1;

    /// <summary>The same seed gives the same text; absent: a random one, told in the answer.</summary>
    [Range(0, int.MaxValue)]
    public int? Seed { get; init; }

    /// <summary>Sends pieces as server-sent events as they come, ended by `data: [DONE]`.</summary>
    [DefaultValue(false)]
    public bool Stream { get; init; }

    /// <summary>The limit of tokens as it was given, and the member that gave it.</summary>
    internal virtual (int? Tokens, string Member) Limit => (MaxTokens, "max_tokens");

    // Annotations do not look into lists of texts.
    private protected IEnumerable<ValidationResult> FaultsOfStop() => Stop.Any(stop => stop is not { Length: >= 1 and <= 200 })
        ? [new ValidationResult("expected texts of 1 to 200 characters", [nameof(Stop)])]
        : [];
}

/// <summary>Plain text to go on with.</summary>
public sealed record CompletionRequest : SamplingBody, IRequestBody<CompletionRequest>, IValidatableObject
{
    /// <summary>The text.</summary>
    [StringLength(1_000_000, MinimumLength = 1)]
    public required string Prompt { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples =>
    [
        new("one completion", """{ "prompt": "Once upon a time", "max_tokens": 60 }"""),
        new("four, streamed", """{ "prompt": "Once upon a time", "max_tokens": 60, "temperature": 0.8, "top_p": 0.95, "n": 4, "seed": 7, "stop": ["\n"], "stream": true }"""),
    ];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => FaultsOfStop();
}

/// <summary>A conversation to answer, and how.</summary>
public abstract record ChatBody : SamplingBody, IValidatableObject
{
    /// <summary>The turns so far, 1 to 1,000; the last one is the user's or a tool's.</summary>
    [MinLength(1)]
    [MaxLength(1_000)]
    public required IReadOnlyList<ChatMessageBody> Messages { get; init; }

    /// <summary>
    /// Tools that the model's chat template tells the model of. A call of one is part of the completion's text, as the model was trained to write it.
    /// </summary>
    [MaxLength(128)]
    public IReadOnlyList<ChatToolBody>? Tools { get; init; }

    /// <inheritdoc />
    public virtual IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var fault in FaultsOfStop())
        {
            yield return fault;
        }

        if (Messages[^1].Role is not ("user" or "tool"))
        {
            yield return new ValidationResult($"expected a last message of role user or tool, got {Messages[^1].Role}", [nameof(Messages)]);
        }
    }
}

/// <summary>A conversation to answer.</summary>
public sealed record ChatCompletionRequest : ChatBody, IRequestBody<ChatCompletionRequest>
{
    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples =>
    [
        new("one answer", """{ "messages": [{ "role": "user", "content": "What is 2 + 3?" }], "max_tokens": 120, "temperature": 0 }"""),
        new("JSON", """
            {
              "messages": [{ "role": "user", "content": "Who wrote Faust, and when? Answer in JSON." }],
              "max_tokens": 60,
              "response_format": {
                "type": "json_schema",
                "json_schema": {
                  "name": "book",
                  "schema": {
                    "type": "object",
                    "properties": { "author": { "type": "string" }, "year": { "type": ["integer", "null"] } },
                    "required": ["author", "year"],
                    "additionalProperties": false
                  }
                }
              }
            }
            """),
    ];
}

/// <summary>A conversation to answer, as clients of OpenAI send it: the body names the model.</summary>
public sealed record ModelChatCompletionRequest : ChatBody, IRequestBody<ModelChatCompletionRequest>
{
    /// <summary>A checkpoint's `ck_` id, or a base model's `md_` id or name.</summary>
    [StringLength(200, MinimumLength = 1)]
    public required string Model { get; init; }

    /// <summary>The newer name of `max_tokens`; give one of them.</summary>
    [Range(1, 131_072)]
    public int? MaxCompletionTokens { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples =>
    [
        new("one answer", """{ "model": "word-problems", "messages": [{ "role": "user", "content": "What is 2 + 3?" }], "max_completion_tokens": 120, "temperature": 0 }"""),
    ];

    internal override (int? Tokens, string Member) Limit => MaxCompletionTokens is { } limit ? (limit, "max_completion_tokens") : base.Limit;

    /// <inheritdoc />
    public override IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var fault in base.Validate(validationContext))
        {
            yield return fault;
        }

        if (MaxTokens is not null && MaxCompletionTokens is not null)
        {
            yield return new ValidationResult("give max_tokens or max_completion_tokens, not both", [nameof(MaxCompletionTokens)]);
        }
    }
}

/// <summary>Completions in OpenAI's form; of a stream: one chunk.</summary>
public sealed record CompletionResponse
{
    /// <summary>Names this answer.</summary>
    public required string Id { get; init; }

    /// <summary>`text_completion`, `chat.completion` or `chat.completion.chunk`.</summary>
    public required string Object { get; init; }

    /// <summary>Unix seconds.</summary>
    public required long Created { get; init; }

    /// <summary>Id of the checkpoint or model.</summary>
    public required string Model { get; init; }

    /// <summary>The seed that was used.</summary>
    public required int Seed { get; init; }

    /// <summary>One entry a completion.</summary>
    public required IReadOnlyList<CompletionChoice> Choices { get; init; }

    /// <summary>Tokens; in a stream only in the last chunk.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CompletionUsage? Usage { get; init; }
}

/// <summary>One completion, or a piece of it.</summary>
public sealed record CompletionChoice
{
    /// <summary>Which completion, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>Plain completions: the text, or the new piece of it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Text { get; init; }

    /// <summary>Chat: the answer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CompletionMessage? Message { get; init; }

    /// <summary>Chat stream: the new piece.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CompletionMessage? Delta { get; init; }

    /// <summary>`stop` or `length`; null while it goes on.</summary>
    public string? FinishReason { get; init; }
}

/// <summary>An answer of the model.</summary>
/// <param name="Role">`assistant`; in a stream only with the first piece.</param>
/// <param name="Content">Its text.</param>
public sealed record CompletionMessage(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Role,
    string Content);

/// <summary>Tokens of an answer.</summary>
/// <param name="PromptTokens">Of the prompt, counted once.</param>
/// <param name="CompletionTokens">Of all completions.</param>
/// <param name="TotalTokens">Both.</param>
/// <param name="PromptTokensDetails">About those of the prompt.</param>
public sealed record CompletionUsage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails);

/// <summary>About the tokens of a prompt.</summary>
/// <param name="CachedTokens">
/// Those at its beginning that needed no computing, because an earlier prompt of the project began alike; in pieces of 16. Put what prompts have in
/// common first.
/// </param>
public sealed record PromptTokensDetails(int CachedTokens);
