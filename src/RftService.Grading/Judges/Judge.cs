using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using RftService.Grading.JsonText;
using RftService.Grading.Outbound;
using RftService.Grading.Templates;

namespace RftService.Grading.Judges;

/// <summary>Asks a model questions whose answer is JSON, over OpenAI's chat completions; keeps its budget and remembers its answers.</summary>
internal sealed class Judge
{
    private const int MaxRemembered = 10_000;

    private readonly JudgeSpec _spec;
    private readonly JudgeEndpoint _endpoint;
    private readonly OutboundHttp _http;
    private readonly Uri _url;
    private readonly IReadOnlyList<(string Role, Template Content)> _messages;
    private readonly JsonObject _schema;
    private readonly ConcurrentDictionary<string, JsonElement> _remembered = new(StringComparer.Ordinal);
    private readonly SpendAccount _account;

    /// <param name="spec">What to ask.</param>
    /// <param name="host">Has the endpoint.</param>
    /// <param name="schema">JSON schema of an answer.</param>
    /// <exception cref="GraderSpecException">The endpoint is not known or a template is malformed.</exception>
    public Judge(JudgeSpec spec, GraderHost host, JsonObject schema)
    {
        _spec = spec;
        _schema = schema;
        _http = host.Http;
        _account = host.Ledger.Of(spec.Name);
        _endpoint = host.Judge(spec.Endpoint)
            ?? throw new GraderSpecException("/endpoint", $"No judge '{spec.Endpoint}' is set (Rft:Outbound:Judges): ask the operator, or name another endpoint.");
        _url = _http.Vet(_endpoint.BaseUrl.TrimEnd('/') + "/chat/completions", "/endpoint");
        Shows = spec.Input.Any(message => message.Content.Contains("output_text", StringComparison.Ordinal));
        _messages = [.. spec.Input.Select((message, i) => (message.Role, Template.ParseOption(message.Content, $"/input/{i}/content")))];
    }

    /// <summary>True when a message shows the judge what is judged.</summary>
    public bool Shows { get; }

    /// <inheritdoc cref="IGrader.Reject" />
    public RowFault? Reject(JsonElement item) => _messages.Select(message => message.Content.Reject(item)).FirstOrDefault(fault => fault is not null);

    /// <summary>One answer a vote.</summary>
    /// <returns>The answers, or the grade that says why there are none.</returns>
    public async Task<(IReadOnlyList<JsonElement> Answers, Grade? Failed)> AskAsync(GradingInput input, CancellationToken cancellation)
    {
        var messages = new JsonArray();
        foreach (var (role, content) in _messages)
        {
            if (!content.TryRender(input.Item, input.OutputText, out var text, out var missing))
            {
                return ([], Grade.Missing(missing));
            }

            messages.Add(new JsonObject { ["role"] = role, ["content"] = text });
        }

        try
        {
            var votes = await Task.WhenAll(Enumerable.Range(0, _spec.Votes).Select(vote => AskOnceAsync(messages, vote, cancellation)));
            return (votes, null);
        }
        catch (JudgeException fault)
        {
            return ([], Grade.Failed(fault.Error, fault.Message));
        }
        catch (OutboundException fault)
        {
            return ([], Grade.Failed(fault.TimedOut ? GradeError.UnresponsiveRewardError : GradeError.ModelGraderServerError, "The judge: " + fault.Message));
        }
    }

    private async Task<JsonElement> AskOnceAsync(JsonArray messages, int vote, CancellationToken cancellation)
    {
        var body = BodyOf(messages, vote);
        var key = Convert.ToHexString(SHA256.HashData([(byte)vote, .. body]));
        if (_spec.Cache && _remembered.TryGetValue(key, out var known))
        {
            return known;
        }

        _account.Require(_spec.MaxTotalTokens, _spec.MaxCost);
        var answer = Read(await _http.SendAsync(() => RequestOf(body), TimeSpan.FromSeconds(_spec.TimeoutSeconds), _spec.Retries, cancellation));
        if (_spec.Cache && _remembered.Count < MaxRemembered)
        {
            _remembered.TryAdd(key, answer);
        }

        return answer;
    }

    private byte[] BodyOf(JsonArray messages, int vote)
    {
        var sampling = _spec.SamplingParams;
        var body = new JsonObject { ["model"] = _spec.Model, ["messages"] = messages.DeepClone() };
        Set("temperature", sampling.Temperature);
        Set("top_p", sampling.TopP);
        Set("max_completion_tokens", sampling.MaxCompletionsTokens);
        Set("reasoning_effort", sampling.ReasoningEffort);
        // Votes with one seed would be one vote.
        Set("seed", sampling.Seed + vote);
        if (_endpoint.StructuredAnswers)
        {
            body["response_format"] = new JsonObject
            {
                ["type"] = "json_schema",
                ["json_schema"] = new JsonObject { ["name"] = "grade", ["strict"] = true, ["schema"] = _schema.DeepClone() },
            };
        }

        return Encoding.UTF8.GetBytes(body.ToJsonString());

        void Set<T>(string name, T? value)
        {
            if (value is not null)
            {
                body[name] = JsonValue.Create(value);
            }
        }
    }

    private HttpRequestMessage RequestOf(byte[] body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, _url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Authorization = _endpoint.ApiKey is { } key ? new AuthenticationHeaderValue("Bearer", key) : null;
        return request;
    }

    private JsonElement Read(byte[] answer)
    {
        bool refused;
        string? content;
        try
        {
            using var document = JsonDocument.Parse(answer);
            Count(document.RootElement);
            var message = document.RootElement.GetProperty("choices")[0].GetProperty("message");
            refused = message.TryGetProperty("refusal", out var refusal) && refusal.ValueKind == JsonValueKind.String;
            content = message.TryGetProperty("content", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new JudgeException(GradeError.ModelGraderServerError, "The judge's endpoint did not answer as chat completions do.");
        }

        if (refused)
        {
            throw new JudgeException(GradeError.ModelGraderRefusalError, "The judge refused to answer.");
        }

        // Half a surrogate pair in it would make every access throw.
        return content is not null && JudgeAnswer.Find(content) is { } found && CompletionJson.IsText(found)
            ? found
            : throw new JudgeException(GradeError.ModelGraderParseError, "The judge's answer holds no JSON object.");
    }

    private void Count(JsonElement answer)
    {
        if (answer.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
        {
            var (read, written) = (Tokens(usage, "prompt_tokens"), Tokens(usage, "completion_tokens"));
            _account.Add(read, written, ((read * _endpoint.PromptPrice) + (written * _endpoint.CompletionPrice)) / 1e6);
        }
    }

    internal static long Tokens(JsonElement usage, string name) =>
        usage.TryGetProperty(name, out var count) && count.ValueKind == JsonValueKind.Number && count.TryGetInt64(out var tokens) ? Math.Max(0, tokens) : 0;
}

/// <summary>A judge that gave no answer.</summary>
internal sealed class JudgeException(GradeError error, string message) : Exception(message)
{
    public GradeError Error { get; } = error;
}
