using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace RftService.Grading.Tests.Outbound;

public sealed class RemoteGraderTests
{
    [Fact]
    public async Task Score_ManyAtOnce_TravelInFewRequests()
    {
        await using var service = LocalService.Start(async (http, body) => await http.Response.WriteAsync(Grades(body, index => $$"""{"index":{{index}},"value":{{index}}.5,"reason":"so"}""")));
        var grader = Grader(service, "\"batch_size\": 16");

        var grades = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => grader.ScoreAsync(new GradingInput(Given.Item($$"""{"n":{{i}}}"""), "text " + i), default).AsTask()));

        Assert.All(grades, grade => Assert.Equal("so", grade.Reason));
        Assert.InRange(service.Asked.Count, 3, 4);
        Assert.Equal(40, service.Asked.Sum(asked => Given.Item(asked.Body).GetProperty("samples").GetArrayLength()));
    }

    [Fact]
    public async Task Score_WithASecret_IsSignedAsStandardWebhooksHaveIt()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        await using var service = LocalService.Start((http, body) => http.Response.WriteAsync(Grades(body, index => $$"""{"index":{{index}},"value":1}""")));
        var grader = Grader(service, "\"secret\": \"mine\"", options => options.Secrets["mine"] = "whsec_" + Convert.ToBase64String(key));

        Assert.Equal(1, grader.Score("x").Value);

        var (headers, body) = service.Asked.Single();
        var expected = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{headers["webhook-id"]}.{headers["webhook-timestamp"]}.{body}"));
        Assert.Equal("v1," + Convert.ToBase64String(expected), headers["webhook-signature"]);
        Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(headers["webhook-timestamp"]!, CultureInfo.InvariantCulture), 0, 60);
    }

    [Fact]
    public async Task Score_FailsTwice_IsTriedAgainUnderTheSameId()
    {
        var tries = 0;
        await using var service = LocalService.Start(async (http, body) =>
        {
            if (++tries < 3)
            {
                http.Response.StatusCode = 503;
                http.Response.Headers.RetryAfter = "0";
                return;
            }

            await http.Response.WriteAsync(Grades(body, index => $$"""{"index":{{index}},"value":0.25}"""));
        });

        Assert.Equal(0.25, Grader(service).Score("x").Value);
        Assert.Equal(3, service.Asked.Count);
        Assert.Single(service.Asked.Select(asked => asked.Headers["webhook-id"].ToString()).Distinct());
    }

    [Theory]
    [InlineData("""{"grades":[{"index":0,"value":null,"reason":"cannot tell"}]}""", null)]
    [InlineData("""{"grades":[{"index":0,"error":"no reference"}]}""", GradeError.RemoteGraderRuntimeError)]
    [InlineData("""{"grades":[{"index":0,"value":"1"}]}""", GradeError.RemoteGraderParseError)]
    [InlineData("""{"grades":[{"index":0,"value":1e999}]}""", GradeError.RemoteGraderParseError)]
    [InlineData("""{"grades":[]}""", GradeError.RemoteGraderParseError)]
    [InlineData("""{"grades":[{"index":5,"value":1}]}""", GradeError.RemoteGraderParseError)]
    [InlineData("""{"grades":[{"index":0,"value":1},{"index":0,"value":0}]}""", GradeError.RemoteGraderParseError)]
    [InlineData("""[1]""", GradeError.RemoteGraderParseError)]
    [InlineData("""<html>""", GradeError.RemoteGraderParseError)]
    [InlineData("", GradeError.RemoteGraderParseError)]
    public async Task Score_OddAnswer_IsNeverAZero(string answer, GradeError? error)
    {
        await using var service = LocalService.Start((http, _) => http.Response.WriteAsync(answer));

        var grade = Grader(service).Score("x");

        Assert.Null(grade.Value);
        Assert.Equal(error, grade.Error);
    }

    [Theory]
    [InlineData(500, 3)]
    [InlineData(429, 3)]
    [InlineData(400, 1)]
    [InlineData(404, 1)]
    [InlineData(302, 1)]
    public async Task Score_Status_IsAnErrorAndTriedAgainOnlyWhereItMayPass(int status, int tries)
    {
        await using var service = LocalService.Start((http, _) =>
        {
            http.Response.StatusCode = status;
            http.Response.Headers.Location = "http://127.0.0.1:1/";
            http.Response.Headers.RetryAfter = "0";
            return Task.CompletedTask;
        });

        Assert.Equal(GradeError.RemoteGraderServerError, Grader(service, "\"retries\": 2").Score("x").Error);
        Assert.Equal(tries, service.Asked.Count);
    }

    [Fact]
    public async Task Score_NoAnswerInTime_IsUnresponsiveAndOthersGoOn()
    {
        await using var service = LocalService.Start(async (http, body) =>
        {
            if (body.Contains("hang", StringComparison.Ordinal))
            {
                await Task.Delay(Timeout.Infinite, http.RequestAborted);
            }

            await http.Response.WriteAsync(Grades(body, index => $$"""{"index":{{index}},"value":1}"""));
        });
        var grader = Grader(service, "\"batch_size\": 1, \"timeout_seconds\": 1, \"retries\": 0");
        var started = Stopwatch.GetTimestamp();

        var hung = grader.ScoreAsync(new GradingInput(Given.Item("{}"), "hang"), default).AsTask();
        Assert.Equal(1, grader.Score("fine").Value);

        Assert.Equal(GradeError.UnresponsiveRewardError, (await hung).Error);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Score_HugeAnswer_IsNotReadToItsEnd()
    {
        await using var service = LocalService.Start(async (http, _) =>
        {
            for (var i = 0; i < 8; i++)
            {
                await http.Response.WriteAsync(new string(' ', 1 << 20));
            }
        });

        Assert.Equal(GradeError.RemoteGraderServerError, Grader(service).Score("x").Error);
    }

    [Fact]
    public async Task Score_CancelledCaller_DoesNotSpoilTheBatchOfOthers()
    {
        using var stop = new CancellationTokenSource();
        await using var service = LocalService.Start(async (http, body) =>
        {
            await stop.CancelAsync();
            await Task.Delay(50);
            await http.Response.WriteAsync(Grades(body, index => $$"""{"index":{{index}},"value":1}"""));
        });
        var grader = Grader(service);

        var given = grader.ScoreAsync(new GradingInput(Given.Item("{}"), "a"), stop.Token).AsTask();
        var other = grader.ScoreAsync(new GradingInput(Given.Item("{}"), "b"), default).AsTask();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        Assert.Equal(1, (await other).Value);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("2130706433")]
    [InlineData("0x7f.1")]
    [InlineData("0177.0.0.1")]
    [InlineData("127.1")]
    [InlineData("[::ffff:127.0.0.1]")]
    [InlineData("0.0.0.0")]
    public async Task Score_AddressOfThisMachine_IsNotReached(string host)
    {
        await using var service = LocalService.StartObliging();
        var port = new Uri(service.Url).Port;
        using var guarded = service.Host(options => options.AllowedNetworks = []);
        var grader = GraderCatalog.Create(Given.Spec($$"""{"type":"remote","name":"g","retries":0,"url":"http://{{host}}:{{port}}/"}"""), guarded);

        var grade = grader.Score("x");

        Assert.Equal(GradeError.RemoteGraderServerError, grade.Error);
        Assert.Empty(service.Asked);
    }

    [Theory]
    [InlineData("\"url\":\"http://example.com/\"", "/url")]
    [InlineData("\"url\":\"ftp://example.com/\"", "/url")]
    [InlineData("\"url\":\"https://user:pass@example.com/\"", "/url")]
    [InlineData("\"url\":\"grade\"", "/url")]
    [InlineData("\"url\":\"https://example.com/\",\"secret\":\"none\"", "/secret")]
    public void Create_Impossible_NamesThePlace(string options, string pointer)
    {
        var fault = Assert.Throws<GraderSpecException>(() => GraderCatalog.Create(Given.Spec($$"""{"type":"remote","name":"g",{{options}}}"""), Given.Plain));

        Assert.Equal(pointer, fault.Pointer);
    }

    private static IGrader Grader(LocalService service, string options = "\"retries\": 3", Action<Grading.Outbound.OutboundOptions>? change = null) =>
        GraderCatalog.Create(Given.Spec($$"""{"type":"remote","name":"g","url":"{{service.Url}}/grade",{{options}}}"""), service.Host(change));

    private static string Grades(string body, Func<int, string> grade) =>
        $$"""{"grades":[{{string.Join(',', Enumerable.Range(0, Given.Item(body).GetProperty("samples").GetArrayLength()).Select(grade))}}]}""";
}
