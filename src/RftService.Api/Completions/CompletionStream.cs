using System.Text.Json;
using RftService.Api.Http;
using RftService.Data.Workers;

namespace RftService.Api.Completions;

/// <summary>
/// Server-sent events in OpenAI's form. The first piece is there before the answer begins, so what goes wrong until then is a
/// plain problem; later faults are an event with an `error`, after which no [DONE] comes.
/// </summary>
internal sealed class CompletionStream(IAsyncEnumerator<SamplingChunk> pieces, CompletionWriter writer) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        await using var _ = pieces;
        var response = httpContext.Response;
        response.ContentType = "text/event-stream";
        response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            do
            {
                writer.Add(pieces.Current);
                await SendAsync(response, writer.Piece(pieces.Current));
            }
            while (await pieces.MoveNextAsync());
            await response.WriteAsync("data: [DONE]\n\n", httpContext.RequestAborted);
        }
        catch (SamplingRefused refused)
        {
            await SendAsync(response, new { error = new { code = refused.Code, message = refused.Message } });
        }
        catch (OperationCanceledException) when (httpContext.RequestAborted.IsCancellationRequested)
        {
            // The client has gone; leaving disposes the worker's answer, which ends its work.
        }
    }

    private static async Task SendAsync<T>(HttpResponse response, T data)
    {
        await response.WriteAsync($"data: {JsonSerializer.Serialize(data, JsonSetup.Options)}\n\n", response.HttpContext.RequestAborted);
        await response.Body.FlushAsync(response.HttpContext.RequestAborted);
    }
}
