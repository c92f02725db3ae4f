namespace RftService.Api.Tests.Hosting;

public sealed class LimitsTests : IAsyncLifetime
{
    private readonly RftApi _api = new RftApi().With("Rft:Limits:RequestsPerMinute", "5").With("Rft:Limits:JsonBodyBytes", "4096");

    public Task InitializeAsync()
    {
        _api.UseKestrel(0); // the in-memory server knows no body limit
        return _api.InitializeAsync();
    }

    public Task DisposeAsync() => ((IAsyncLifetime)_api).DisposeAsync();

    [Fact]
    public async Task Requests_OverTheRate_Are429WithRetryAfter()
    {
        for (var i = 0; i < 5; i++)
        {
            await _api.Client.GetAsync(new Uri("/api/v1/workers", UriKind.Relative)).JsonAsync(200);
        }

        await _api.Client.GetAsync(new Uri("/api/v1/workers", UriKind.Relative)).ProblemAsync(429, "too_many_requests");
        using var again = await _api.Client.GetAsync(new Uri("/api/v1/workers", UriKind.Relative));
        Assert.NotNull(again.Headers.RetryAfter);
        await _api.Stranger.GetAsync(new Uri("/api/v1/workers", UriKind.Relative)).JsonAsync(200);
    }

    [Fact]
    public Task Body_OverTheLimit_Is413() =>
        _api.Client.PostTextAsync("/api/v1/models", $$"""{"name":"a","folder":"{{new string('x', 5000)}}"}""").ProblemAsync(413, "body_too_large");
}
