using System.Text;

namespace RftService.Api.Tests.Hosting;

public sealed class IdempotencyTests(RftApi api) : IClassFixture<RftApi>
{
    [Fact]
    public async Task Post_SameKeyAndBody_ReplaysTheFirstAnswer()
    {
        var key = Guid.NewGuid().ToString();

        using var first = await SendAsync(api.Client, key, Samples.Reward);
        using var second = await SendAsync(api.Client, key, Samples.Reward.Replace(":", " : ", StringComparison.Ordinal).Replace("eq", "eq", StringComparison.Ordinal));

        Assert.Equal(201, (int)first.StatusCode);
        Assert.False(first.Headers.Contains("Idempotency-Replayed"));
        Assert.Equal(201, (int)second.StatusCode);
        Assert.Equal("true", Assert.Single(second.Headers.GetValues("Idempotency-Replayed")));
        Assert.Equal(first.Headers.Location, second.Headers.Location);
        Assert.Equal(await first.Content.ReadAsStringAsync(), await second.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Post_SameKeyOtherBody_Is422()
    {
        var key = Guid.NewGuid().ToString();
        using var first = await SendAsync(api.Client, key, Samples.Reward);

        await SendAsync(api.Client, key, Samples.Reward.Replace("\"exact\",\"grader", "\"other\",\"grader", StringComparison.Ordinal))
            .ProblemAsync(422, "idempotency_key_reused");
    }

    [Fact]
    public async Task Post_SameKeyOtherProject_IsIndependent()
    {
        var key = Guid.NewGuid().ToString();
        using var first = await SendAsync(api.Client, key, Samples.Reward);

        using var second = await SendAsync(api.Stranger, key, Samples.Reward);

        Assert.Equal(201, (int)second.StatusCode);
        Assert.NotEqual(first.Headers.Location, second.Headers.Location);
    }

    [Fact]
    public async Task Post_RefusedFirst_FreesTheKey()
    {
        var key = Guid.NewGuid().ToString();
        await SendAsync(api.Client, key, Samples.Reward.Replace("{{item.answer}}", "{{item.", StringComparison.Ordinal)).ProblemAsync(422, "invalid_grader");

        using var second = await SendAsync(api.Client, key, Samples.Reward);

        Assert.Equal(201, (int)second.StatusCode);
    }

    [Fact]
    public async Task Post_ConcurrentDuplicates_CreateOne()
    {
        var key = Guid.NewGuid().ToString();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SendAsync(api.Client, key, Samples.Reward)));

        Assert.All(answers, answer => Assert.Contains((int)answer.StatusCode, new[] { 201, 409 }));
        Assert.Single(answers.Where(answer => answer.Headers.Location is not null).Select(answer => answer.Headers.Location).Distinct());
        Assert.All(answers.Where(answer => (int)answer.StatusCode == 409), answer => Assert.NotNull(answer.Headers.RetryAfter));
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("")]
    public async Task Post_BadKey_Is400(string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/rewards") { Content = new StringContent(Samples.Reward, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key.Length == 0 ? new string('k', 201) : key);

        await api.Client.SendAsync(request).ProblemAsync(400, "invalid_idempotency_key");
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, string key, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/rewards") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", key);
        return await client.SendAsync(request);
    }
}
