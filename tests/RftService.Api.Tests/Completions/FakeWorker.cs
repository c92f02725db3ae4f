using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using RftService.Data.Workers;
using RftService.Testing;

namespace RftService.Api.Tests.Completions;

/// <summary>A real HTTP server that answers as a worker's sampling endpoint, in the way the test says.</summary>
internal sealed class FakeWorker : IAsyncDisposable
{
    public const string Token = "a-secret-of-tests";

    private readonly WebApplication _server;

    private FakeWorker(WebApplication server) => _server = server;

    /// <summary>The last request.</summary>
    public JsonElement Asked { get; private set; }

    /// <summary>Fires when the caller hangs up.</summary>
    public TaskCompletionSource Abandoned { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Address => _server.Urls.Single();

    public static async Task<FakeWorker> StartAsync(Func<HttpResponse, CancellationToken, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var worker = new FakeWorker(builder.Build());
        worker._server.MapPost("/sampling/completions", async http =>
        {
            if (http.Request.Headers["X-Rft-Worker-Token"] != Token)
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }

            worker.Asked = await JsonSerializer.DeserializeAsync<JsonElement>(http.Request.Body);
            using var gone = http.RequestAborted.Register(() => worker.Abandoned.TrySetResult());
            http.Response.ContentType = "application/x-ndjson";
            await answer(http.Response, http.RequestAborted);
        });
        await worker._server.StartAsync();
        return worker;
    }

    /// <summary>A worker that writes these lines.</summary>
    public static Task<FakeWorker> SayingAsync(params string[] lines) => StartAsync(async (response, cancellation) =>
    {
        foreach (var line in lines)
        {
            await response.WriteAsync(line + "\n", cancellation);
            await response.Body.FlushAsync(cancellation);
        }
    });

    /// <summary>Makes this the worker that was seen last.</summary>
    public Task RegisterAsync(TestDatabase database) => RegisterAsync(database, Address, DateTimeOffset.UtcNow);

    public static async Task RegisterAsync(TestDatabase database, string address, DateTimeOffset seen)
    {
        await using var db = database.Open();
        db.Workers.Add(new WorkerNode { Id = Guid.NewGuid().ToString("N"), Address = address, Device = "cpu", Threads = 1, StartedAt = seen, SeenAt = seen });
        await db.SaveChangesAsync();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
