using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using RftService.Data.Projects;

namespace RftService.Api.Tests.Hosting;

public sealed class HostingTests(RftApi api) : IClassFixture<RftApi>
{
    [Fact]
    public async Task Health_DatabaseUp_IsOpenAndOk()
    {
        var health = await api.ClientWith(null).GetAsync(new Uri("/healthz", UriKind.Relative)).JsonAsync(200);

        Assert.Equal("ok", health.Text("status"));
    }

    [Theory]
    [InlineData(null, "no key was sent")]
    [InlineData("rft_unknown", "unknown")]
    [InlineData("", "no key was sent")]
    public async Task AnyRoute_WithoutGoodKey_Is401WithRemedy(string? key, string reason)
    {
        using var client = api.ClientWith(null);
        if (key is { Length: > 0 })
        {
            client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        }

        var problem = await client.GetAsync(new Uri("/api/v1/models", UriKind.Relative)).ProblemAsync(401, "unauthorized");

        Assert.Contains(reason, problem.Text("detail"), StringComparison.Ordinal);
        using var again = await client.GetAsync(new Uri("/api/v1/models", UriKind.Relative));
        Assert.Contains("Bearer", again.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnknownRoute_IsProblem404()
    {
        var problem = await api.Client.GetAsync(new Uri("/api/v1/nothing", UriKind.Relative)).ProblemAsync(404, "unknown_route");

        Assert.Equal("/api/v1/nothing", problem.Text("instance"));
        Assert.NotEmpty(problem.Text("trace_id"));
    }

    [Fact]
    public Task KnownRoute_WrongMethod_IsProblem405() =>
        api.Client.PutAsync(new Uri("/api/v1/models", UriKind.Relative), null).ProblemAsync(405, "method_not_allowed");

    [Fact]
    public Task Body_OtherContentType_IsProblem415() =>
        api.Client.PostTextAsync("/api/v1/rewards", "name=x", "application/x-www-form-urlencoded").ProblemAsync(415, "unsupported_media_type");

    [Theory]
    [InlineData("", "missing_body", "")]
    [InlineData("null", "missing_body", "")]
    [InlineData("{", "malformed_json", "")]
    [InlineData("[]", "wrong_type", "")]
    [InlineData("""{"name":1,"folder":"x"}""", "invalid_value", "/name")]
    [InlineData("""{"name":null,"folder":"x"}""", "null_value", "/name")]
    [InlineData("""{"folder":"x"}""", "missing_field", "")]
    [InlineData("""{"name":"a","folder":"x","foldr":"y"}""", "unknown_field", "/foldr")]
    [InlineData("""{"name":"a","name":"b","folder":"x"}""", "duplicate_field", "/name")]
    [InlineData("""{"name":"a\u0000","folder":"x"}""", "invalid_value", "/name")]
    [InlineData("""{"name":"a\ud800","folder":"x"}""", "invalid_value", "/name")]
    [InlineData("""{"name":"a","folder":"x","\ud800":1}""", "malformed_json", "")]
    [InlineData("""{"name":"a b","folder":"x"}""", "invalid_format", "/name")]
    public async Task Body_Unreadable_Is400WithPlace(string body, string code, string pointer)
    {
        var problem = await api.Client.PostTextAsync("/api/v1/models", body).ProblemAsync(400, "invalid_request");

        Assert.Equal([$"{pointer} {code}"], problem.Places());
    }

    [Fact]
    public async Task Body_CutOff_SaysWhere()
    {
        var problem = await api.Client.PostTextAsync("/api/v1/models", "{\n\"name\": \"a\",\n\"folder\": ").ProblemAsync(400, "invalid_request");

        Assert.Contains("line 3, byte 10", problem.Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Body_NestedTooDeep_Is400()
    {
        var body = string.Concat(Enumerable.Repeat("""{"grader":""", 5000)) + "1" + new string('}', 5000);

        await api.Client.PostTextAsync("/api/v1/rewards", body).ProblemAsync(400, "invalid_request");
    }

    [Theory]
    [InlineData("limit=0", "?limit out_of_range")]
    [InlineData("limit=201", "?limit out_of_range")]
    [InlineData("limit=ten", "?limit wrong_type")]
    [InlineData("cursor=abc", "?cursor invalid_value")]
    [InlineData("limt=5", "?limt unknown_field")]
    [InlineData("cursor=________________________________", "?cursor invalid_value")]
    public async Task List_BadPaging_Is400WithParameter(string query, string place)
    {
        var problem = await api.Client.GetAsync(new Uri("/api/v1/models?" + query, UriKind.Relative)).ProblemAsync(400, "invalid_request");

        Assert.Equal([place], problem.Places());
    }

    [Fact]
    public Task Query_WithNul_Is400() =>
        api.Client.GetAsync(new Uri("/api/v1/models?cursor=%00", UriKind.Relative)).ProblemAsync(400, "nul_character");

    [Fact]
    public async Task Log_TellsTheRequestWithoutItsQuery()
    {
        var said = new ConcurrentQueue<string>();
        await using var heard = api.WithWebHostBuilder(host => host.ConfigureLogging(log => log.AddProvider(new ListeningLog(said))));

        using var response = await heard.CreateClient().GetAsync(new Uri("/api/v1/models?api_key=a-secret-in-the-wrong-place", UriKind.Relative));

        Assert.Contains(said, line => line.Contains("/api/v1/models", StringComparison.Ordinal) && line.Contains("401", StringComparison.Ordinal));
        Assert.DoesNotContain(said, line => line.Contains("a-secret-in-the-wrong-place", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnyAnswer_CarriesSecurityHeaders()
    {
        using var response = await api.Client.GetAsync(new Uri("/api/v1/models", UriKind.Relative));

        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("DENY", Assert.Single(response.Headers.GetValues("X-Frame-Options")));
    }

    [Fact]
    public async Task List_ManyPages_ShowsEveryEntryOnceNewestFirst()
    {
        var (projectId, text) = await api.Database.AddProjectAsync("pages");
        var at = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        await using (var db = api.Database.Open())
        {
            // Pairs made at the same instant: the id decides their order.
            db.ApiKeys.AddRange(Enumerable.Range(0, 10).Select(i => new ApiKey
            {
                Id = Guid.CreateVersion7(at.AddSeconds(i / 2)),
                ProjectId = projectId,
                Name = $"key {i}",
                Hash = ApiKey.HashOf($"pages {i}"),
                Prefix = "rft_",
                IsAdmin = false,
                CreatedAt = at.AddSeconds(i / 2),
            }));
            await db.SaveChangesAsync();
        }

        using var client = api.ClientWith(text);
        var seen = new List<(DateTimeOffset At, string Id)>();
        var next = "/api/v1/keys?limit=3";
        while (next is not null)
        {
            var page = await client.GetAsync(new Uri(next, UriKind.Relative)).JsonAsync(200);
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(key => (key.GetProperty("created_at").GetDateTimeOffset(), key.Text("id"))));
            Assert.Equal(page.GetProperty("has_more").GetBoolean(), page.GetProperty("next_cursor").ValueKind == JsonValueKind.String);
            next = page.GetProperty("has_more").GetBoolean() ? "/api/v1/keys?limit=3&cursor=" + page.Text("next_cursor") : null;
        }

        Assert.Equal(11, seen.Count);
        Assert.Equal(seen.OrderByDescending(key => key.At).ThenByDescending(key => key.Id, StringComparer.Ordinal), seen);
        Assert.Equal(seen.Count, seen.Distinct().Count());
    }

    [Fact]
    public async Task Get_KnownETag_Is304()
    {
        var reward = await api.Client.PostTextAsync("/api/v1/rewards", Samples.Reward).JsonAsync(201);
        var path = new Uri("/api/v1/rewards/" + reward.Text("id"), UriKind.Relative);
        using var first = await api.Client.GetAsync(path);

        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await api.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        Assert.Empty(await second.Content.ReadAsByteArrayAsync());
    }
}

/// <summary>Bodies that several tests send.</summary>
internal static class Samples
{
    public const string Grader = """{"type":"string_check","name":"exact","operation":"eq","input":"{{sample.output_text}}","reference":"{{item.answer}}"}""";

    public const string Reward = $$"""{"name":"exact","grader":{{Grader}}}""";
}
