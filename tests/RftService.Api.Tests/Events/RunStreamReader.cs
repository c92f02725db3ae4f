using System.Net.ServerSentEvents;
using System.Text.Json;

namespace RftService.Api.Tests.Events;

/// <summary>One connection to a run's stream.</summary>
internal sealed class RunStreamReader(HttpResponseMessage response, IAsyncEnumerator<SseItem<string>> messages) : IAsyncDisposable
{
    public string? LastId { get; private set; }

    public HttpResponseMessage Response => response;

    public static async Task<RunStreamReader> OpenAsync(HttpClient client, string id, string? lastId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/runs/{id}/stream");
        if (lastId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastId);
        }

        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var messages = SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync().GetAsyncEnumerator();
        return new RunStreamReader(response, messages);
    }

    /// <summary>The next message; null at the end of the stream.</summary>
    public async Task<(string Type, JsonElement Data)?> NextAsync()
    {
        var next = messages.MoveNextAsync().AsTask();
        if (!await next.WaitAsync(TimeSpan.FromSeconds(10)))
        {
            return null;
        }

        LastId = messages.Current.EventId ?? LastId;
        return (messages.Current.EventType, JsonSerializer.Deserialize<JsonElement>(messages.Current.Data));
    }

    /// <summary>Reads until a message fits.</summary>
    public async Task<List<(string Type, JsonElement Data)>> UntilAsync(Func<string, JsonElement, bool> last)
    {
        var read = new List<(string, JsonElement)>();
        while (await NextAsync() is var (type, data))
        {
            read.Add((type, data));
            if (last(type, data))
            {
                return read;
            }
        }

        return read;
    }

    public async ValueTask DisposeAsync()
    {
        response.Dispose();
        try
        {
            await messages.DisposeAsync();
        }
        catch (NotSupportedException)
        {
            // A read is still under way: the connection is closed, which ends it.
        }
    }
}
