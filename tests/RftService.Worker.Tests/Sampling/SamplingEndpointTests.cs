using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using RftService.Data.Workers;
using RftService.Engine.Models;
using RftService.Worker.Sampling;

namespace RftService.Worker.Tests.Sampling;

public sealed class SamplingEndpointTests : IAsyncLifetime
{
    private static readonly SamplingRequest Request = new("tiny", null, false, "Once", null, 8, 1, 1, 0, [], 1, 7);

    private readonly TestRuns _runs = new();

    public Task InitializeAsync() => _runs.InitializeAsync();

    public Task DisposeAsync() => _runs.DisposeAsync();

    [Theory]
    [InlineData(null)]
    [InlineData("another-token-of-the-tests")]
    public async Task Sample_WithoutTheToken_Is401(string? token)
    {
        await using var worker = await WorkerHost.StartAsync(_runs, sample: (_, _, _) => Assert.Fail("must not sample"));

        using var response = await SendAsync(worker, Request, token);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task Sample_Unsound_Is400()
    {
        await using var worker = await WorkerHost.StartAsync(_runs, sample: (_, _, _) => Assert.Fail("must not sample"));

        using var both = await SendAsync(worker, Request with { Messages = [new("user", "hi")] });
        using var none = await SendAsync(worker, Request with { Samples = 0 });

        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.BadRequest), (both.StatusCode, none.StatusCode));
    }

    [Fact]
    public async Task Sample_PieceByPiece_ComesAsItIsMade()
    {
        using var go = new SemaphoreSlim(0);
        await using var worker = await WorkerHost.StartAsync(_runs, sample: (_, write, _) =>
        {
            write(new SamplingChunk(0, "first"));
            Assert.True(go.Wait(TimeSpan.FromSeconds(10), CancellationToken.None));
            write(new SamplingChunk(0, "", "stop", 3, 2));
        });

        using var response = await SendAsync(worker, Request);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());

        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("""{"index":0,"text":"first"}""", await lines.ReadLineAsync()); // while the second is still to be made
        go.Release();
        Assert.Equal("""{"index":0,"text":"","finish_reason":"stop","prompt_tokens":3,"completion_tokens":2}""", await lines.ReadLineAsync());
        Assert.Null(await lines.ReadLineAsync());
    }

    [Fact]
    public async Task Sample_FaultOfTheRequestAndOfTheWorker_AreChunks()
    {
        await using var worker = await WorkerHost.StartAsync(_runs, sample: (request, _, _) => throw (request.Seed == 1
            ? new SamplingFault("prompt_too_long", "shorten it")
            : new InvalidOperationException("/secret/path")));

        var (told, hidden) = (await ReadOneAsync(worker, Request with { Seed = 1 }), await ReadOneAsync(worker, Request with { Seed = 2 }));

        Assert.Equal(("prompt_too_long", "shorten it"), (told.ErrorCode, told.ErrorMessage));
        Assert.Equal("internal_error", hidden.ErrorCode);
        Assert.DoesNotContain("secret", hidden.ErrorMessage!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sample_MoreThanMayWait_IsBusy()
    {
        using var go = new SemaphoreSlim(0);
        var began = new TaskCompletionSource();
        await using var worker = await WorkerHost.StartAsync(_runs, maxWaiting: 1, sample: (_, write, _) =>
        {
            began.TrySetResult();
            go.Wait(TimeSpan.FromSeconds(10), CancellationToken.None);
            write(new SamplingChunk(0, "done"));
        });

        var first = SendAsync(worker, Request);
        await began.Task.WaitAsync(TimeSpan.FromSeconds(10)); // it is served, so the queue is empty again
        Task<SamplingChunk>[] others = [ReadOneAsync(worker, Request), ReadOneAsync(worker, Request)];
        var refused = await (await Task.WhenAny(others));

        Assert.Equal("busy", refused.ErrorCode);
        go.Release(8);
        (await first).Dispose();
        await Task.WhenAll(others);
    }

    [Fact]
    public async Task Sample_MoreOfOneProjectThanMayWait_LeavesRoomForOthers()
    {
        using var go = new SemaphoreSlim(0);
        var began = new TaskCompletionSource();
        await using var worker = await WorkerHost.StartAsync(_runs, settings: new() { ["Rft:Worker:MaxWaitingPerProject"] = "1" }, sample: (_, write, _) =>
        {
            began.TrySetResult();
            go.Wait(TimeSpan.FromSeconds(10), CancellationToken.None);
            write(new SamplingChunk(0, "done"));
        });
        var (greedy, modest) = (Request with { Project = Guid.NewGuid() }, Request with { Project = Guid.NewGuid() });

        var first = SendAsync(worker, greedy);
        await began.Task.WaitAsync(TimeSpan.FromSeconds(10)); // it is served, so it waits no more
        using var second = await SendAsync(worker, greedy); // its headers come as soon as it waits
        using var third = await SendAsync(worker, greedy);
        using var other = await SendAsync(worker, modest);

        Assert.Equal(
            (HttpStatusCode.OK, HttpStatusCode.TooManyRequests, HttpStatusCode.OK), (second.StatusCode, third.StatusCode, other.StatusCode));
        Assert.Contains("project_busy", await third.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        go.Release(8);
        (await first).Dispose();
        Assert.Contains("done", await other.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var again = await SendAsync(worker, greedy);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
    }

    [Fact]
    public async Task Sample_ModelOtherThanRegistered_SaysSo()
    {
        TinyCheckpoint.Write(_runs.Paths.InModels("tiny"));
        await using var worker = await WorkerHost.StartAsync(_runs);
        var registered = Request with { ModelSha256 = ModelFolder.Fingerprint(_runs.Paths.InModels("tiny")) };

        Assert.Null((await ReadOneAsync(worker, registered)).ErrorCode);
        Assert.Equal("model_changed", (await ReadOneAsync(worker, Request with { ModelSha256 = new string('0', 64) })).ErrorCode);
    }

    [Fact]
    public async Task Sample_ClientGoesAway_IsStopped()
    {
        var stopped = new TaskCompletionSource();
        await using var worker = await WorkerHost.StartAsync(_runs, sample: (_, write, cancellation) =>
        {
            write(new SamplingChunk(0, "x"));
            if (cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(10)))
            {
                stopped.SetResult();
            }

            cancellation.ThrowIfCancellationRequested();
        });

        using (await SendAsync(worker, Request))
        {
        }

        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Sample_ModelThatIsNotThere_SaysSo()
    {
        await using var worker = await WorkerHost.StartAsync(_runs);

        Assert.Equal("model_unreadable", (await ReadOneAsync(worker, Request with { ModelFolder = "nowhere" })).ErrorCode);
    }

    [Fact]
    public async Task Sample_ManyAtOnceFromMoreModelsThanAreKept_EachIsAsAlone()
    {
        string[] models = ["tiny", "tiny-2", "tiny-3"];
        Array.ForEach(models, model => TinyCheckpoint.Write(Path.Combine(_runs.Storage.ModelRoot, model)));
        await using var worker = await WorkerHost.StartAsync(_runs);
        var requests = Enumerable.Range(0, 9)
            .Select(i => Request with { ModelFolder = models[i % 3], MaxTokens = 30, Samples = 1 + (i % 2), Seed = i, Temperature = 0.5 + (0.1 * i) }).ToArray();

        var together = await Task.WhenAll(requests.Select(request => ReadAllAsync(worker, request)));

        for (var i = 0; i < requests.Length; i++)
        {
            Assert.Equal(await ReadAllAsync(worker, requests[i]), together[i]);
            Assert.Contains("length 4 30", together[i], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Sample_PromptThatTheProjectHasAskedBefore_TellsWhatWasKnown()
    {
        TinyCheckpoint.Write(Path.Combine(_runs.Storage.ModelRoot, "tiny"));
        await using var worker = await WorkerHost.StartAsync(_runs);
        var (mine, foreign) = (Guid.NewGuid(), Guid.NewGuid());
        var request = Request with { Prompt = string.Concat(Enumerable.Repeat("ab", 20)), MaxTokens = 1, Samples = 1 };

        var known = new List<int?>();
        foreach (var project in new[] { mine, foreign, mine })
        {
            known.Add((await LastAsync(worker, request with { Project = project })).CachedTokens);
        }

        Assert.Equal([0, 0, 32], known);
    }

    [Fact]
    public async Task Sample_UnderASchema_IsHeldToIt()
    {
        TinyCheckpoint.Write(Path.Combine(_runs.Storage.ModelRoot, "tiny"));
        await using var worker = await WorkerHost.StartAsync(_runs);
        var schema = JsonSerializer.Deserialize<JsonElement>("""{"type":"array","items":{"enum":["a","b"]},"minItems":2,"maxItems":2}""");

        var text = await ReadAllAsync(worker, Request with { JsonSchema = schema, MaxTokens = 30 });

        Assert.Matches("""^\["[ab]", ?"[ab]"\]\|stop 4 \d+\|$""", text);
    }

    // Text and end of each completion: how the text is cut into pieces is no matter.
    private static async Task<string> ReadAllAsync(WorkerHost worker, SamplingRequest request)
    {
        using var response = await SendAsync(worker, request);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        var texts = new string[request.Samples];
        while (await lines.ReadLineAsync() is { } line)
        {
            var chunk = JsonSerializer.Deserialize<SamplingChunk>(line, SamplingEndpoint.Json)!;
            texts[chunk.Index] += chunk.Text + (chunk.FinishReason is null ? "" : $"|{chunk.FinishReason} {chunk.PromptTokens} {chunk.CompletionTokens}|") + chunk.ErrorMessage;
        }

        return string.Concat(texts);
    }

    private static async Task<SamplingChunk> LastAsync(WorkerHost worker, SamplingRequest request)
    {
        using var response = await SendAsync(worker, request);
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return JsonSerializer.Deserialize<SamplingChunk>(lines[^1], SamplingEndpoint.Json)!;
    }

    private static async Task<SamplingChunk> ReadOneAsync(WorkerHost worker, SamplingRequest request)
    {
        using var response = await SendAsync(worker, request);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        return JsonSerializer.Deserialize<SamplingChunk>((await lines.ReadLineAsync())!, SamplingEndpoint.Json)!;
    }

    private static Task<HttpResponseMessage> SendAsync(WorkerHost worker, SamplingRequest request, string? token = WorkerHost.Token)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, SamplingEndpoint.Path) { Content = JsonContent.Create(request, options: SamplingEndpoint.Json) };
        if (token is not null)
        {
            message.Headers.Add(SamplingEndpoint.TokenHeader, token);
        }

        return worker.Client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
    }
}
