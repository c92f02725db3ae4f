using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace RftService.Quickstart.Demo;

/// <summary>The few calls that the demonstration makes, as any HTTP client would make them.</summary>
internal sealed class RftApi : IDisposable
{
    private readonly HttpClient _http;

    public RftApi(Uri address, string key)
    {
        _http = new HttpClient { BaseAddress = new Uri(address, "/api/v1/"), Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <exception cref="HttpRequestException">The answer is a problem; its message is the problem's text.</exception>
    public async Task<JsonNode> GetAsync(string path, CancellationToken cancellation)
    {
        using var answer = await _http.GetAsync(path, cancellation);
        return await ReadAsync(answer, cancellation);
    }

    /// <inheritdoc cref="GetAsync" />
    public async Task<JsonNode> PostAsync(string path, JsonNode body, CancellationToken cancellation)
    {
        using var answer = await _http.PostAsJsonAsync(path, body, cancellation);
        return await ReadAsync(answer, cancellation);
    }

    /// <summary>Uploads a JSONL file as it is read from disk.</summary>
    public async Task<string> UploadAsync(string file, string kind, CancellationToken cancellation)
    {
        await using var rows = File.OpenRead(file);
        using var body = new StreamContent(rows) { Headers = { ContentType = new MediaTypeHeaderValue("application/jsonl") } };
        var name = Uri.EscapeDataString("quickstart " + Path.GetFileNameWithoutExtension(file));
        using var answer = await _http.PostAsync($"datasets?name={name}&kind={kind}", body, cancellation);
        return (string)(await ReadAsync(answer, cancellation))["id"]!;
    }

    /// <summary>The run's server-sent events until it has ended; a broken connection goes on where it was.</summary>
    public async IAsyncEnumerable<(string Type, JsonNode Data)> StreamAsync(string run, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"runs/{run}/stream");
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        answer.EnsureSuccessStatusCode();
        await using var body = await answer.Content.ReadAsStreamAsync(cancellation);
        await foreach (var item in System.Net.ServerSentEvents.SseParser.Create(body).EnumerateAsync(cancellation))
        {
            if (item.Data.Length > 0)
            {
                yield return (item.EventType, JsonNode.Parse(item.Data)!);
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        var text = await answer.Content.ReadAsStringAsync(cancellation);
        return answer.IsSuccessStatusCode
            ? JsonNode.Parse(text)!
            : throw new HttpRequestException($"{answer.RequestMessage?.Method} {answer.RequestMessage?.RequestUri?.AbsolutePath}: {(int)answer.StatusCode} {text}");
    }
}
