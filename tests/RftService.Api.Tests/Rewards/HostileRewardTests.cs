using System.Text;
using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Rewards;

/// <summary>What somebody would send to find a way in, or a way to break the service: each is answered with a client's fault or a grade.</summary>
public sealed class HostileRewardTests(RftApi api) : IClassFixture<RftApi>
{
    private const string Sample = """[{"item":{"a":"1"},"output_text":"1"}]""";

    [Theory]
    [InlineData("""{"type":"contains","name":"g","keywords":["a"]}""", """[{"item":{"a":"1"},"output_text":"\ud800"}]""")]
    [InlineData("""{"type":"contains","name":"g","keywords":["{{item.a}}"]}""", """[{"item":{"a":"\ud800"},"output_text":"a"}]""")]
    [InlineData("""{"type":"contains","name":"g","keywords":["a"]}""", """[{"item":{"\ud800":1},"output_text":"a"}]""")]
    [InlineData("""{"type":"json_schema","name":"g","schema":{"$ref":"#"}}""", """[{"item":{},"output_text":"{\"a\":\"\\ud800\"}"}]""")]
    [InlineData("""{"type":"json_schema","name":"g","schema":{"$ref":"http://169.254.169.254/"}}""", Sample)]
    [InlineData("""{"type":"regex","name":"g","pattern":"^(a+)+(?=b)$"}""", """[{"item":{},"output_text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"}]""")]
    [InlineData("""{"type":"remote","name":"g","url":"http://169.254.169.254/latest/meta-data"}""", Sample)]
    [InlineData("""{"type":"remote","name":"g","url":"https://127.0.0.1:5432/","retries":0}""", Sample)]
    [InlineData("""{"type":"remote","name":"g","url":"https://[::ffff:10.0.0.1]/","retries":0}""", Sample)]
    [InlineData("""{"type":"remote","name":"g","url":"https://user:pass@example.com/"}""", Sample)]
    [InlineData("""{"type":"remote","name":"g","url":"file:///etc/passwd"}""", Sample)]
    [InlineData("""{"type":"remote","name":"g","url":"https://2130706433/","retries":0}""", Sample)]
    [InlineData("""{"type":"remote","name":"g","url":"https://localhost/","secret":"Rft__WorkerToken"}""", Sample)]
    [InlineData("""{"type":"score_model","name":"g","endpoint":"../default","model":"m","input":[{"role":"user","content":"a"}]}""", Sample)]
    [InlineData("""{"type":"step_model","name":"g","model":"m","split":"pattern","pattern":"(a","input":[{"role":"user","content":"{{sample.output_text}}"}]}""", Sample)]
    [InlineData("""{"type":"relative_model","name":"g","model":"m","input":[{"role":"user","content":"{{sample.output_text}}"}]}""", Sample)]
    [InlineData("""{"type":"text_similarity","name":"g","input":"a","reference":"b","evaluation_metric":"cosine","embedding":{"model":"m"}}""", Sample)]
    [InlineData("""{"type":"weighted_sum","name":"g","graders":[{"weight":1e999,"grader":{"type":"length","name":"l","max":1}}]}""", Sample)]
    [InlineData("""{"type":"weighted_sum","name":"g","graders":[{"schedule":{"points":[{"step":99999999999,"factor":1}]},"grader":{"type":"length","name":"l","max":1}}]}""", Sample)]
    [InlineData("""{"type":"weighted_sum","name":"g","graders":[{"schedule":{"points":[null]},"grader":{"type":"length","name":"l","max":1}}]}""", Sample)]
    [InlineData("""{"type":"weighted_sum","name":"g","graders":[{"schedule":null,"grader":null}]}""", Sample)]
    [InlineData("""{"type":"numeric_answer","name":"g","reference":"1 m","units":"required","unit":"\u0000"}""", Sample)]
    [InlineData("""{"type":"numeric_answer","name":"g","reference":"1 km^9/m^9/s^9","units":"required"}""", """[{"item":{},"output_text":"1e400 Qm^6*Qm^6*Qm^6*Qm^6*Qm^6*Qm^6"}]""")]
    [InlineData("""{"type":"multi","name":"g","calculate_output":"a^a^a^a","graders":{"a":{"type":"map","name":"m","to_high":1e9,"grader":{"type":"length","name":"l","max":9}}}}""", Sample)]
    [InlineData("""{"type":"multi","name":"g","calculate_output":"a","graders":{"a":null}}""", Sample)]
    [InlineData("""{"type":"code_tests","name":"g","tests":"[{\"input\":\"\\ud800\",\"output\":\"\"}]"}""", Sample)]
    [InlineData("""{"type":"python","name":"g","source":"def grade(sample, item): return {'value': 1, 'reason': '\\ud800', 'info': {'\\x00': '\\ud800'}}"}""", Sample)]
    [InlineData("""{"type":"javascript","name":"g","source":"function grade() { return { value: 1, reason: '\\ud800', info: { '\\u0000': '\\ud800' } } }"}""", Sample)]
    public async Task DryRun_Hostile_IsNoFaultOfTheService(string grader, string samples)
    {
        var body = $$"""{"grader":{{grader}},"samples":{{samples}}}""";

        using var answer = await api.Client.PostAsync(new Uri("/api/v1/rewards/dry-run", UriKind.Relative), new StringContent(body, Encoding.UTF8, "application/json"));
        var text = await answer.Content.ReadAsStringAsync();

        Assert.True((int)answer.StatusCode is 200 or 400 or 422, $"{answer.StatusCode}: {text}");
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v1/rewards/validate", """{"grader":{"type":"json_schema","name":"g","schema":{"title":"#"}}}""", "/grader/schema")]
    [InlineData("/api/v1/rewards/dry-run", """{"grader":{"type":"length","name":"g","max":1},"samples":[{"item":{"#":1},"output_text":"a"}]}""", "/samples/0/item")]
    [InlineData("/api/v1/rewards/validate", """{"grader":{"type":"instructions","name":"g","checks":[{"id":"a","kwargs":{"a":"#"}}]}}""", "/grader/checks/0/kwargs")]
    [InlineData("/api/v1/chat/completions",
        """{"model":"m","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"title":"#"}}}}""",
        "/response_format/json_schema/schema")]
    public async Task Body_BytesThatAreNoUtf8InFreeJson_AreRefusedWithTheirPlace(string path, string body, string place)
    {
        var bytes = Encoding.UTF8.GetBytes(body).Select(one => one == (byte)'#' ? (byte)0x8d : one).ToArray();
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new("application/json");

        var problem = await api.Client.PostAsync(new Uri(path, UriKind.Relative), content).ProblemAsync(400, "invalid_request");

        Assert.Equal([place + " invalid_value"], problem.Places());
    }

    [Fact]
    public async Task DryRun_DeeplyNested_IsRefused()
    {
        var grader = string.Concat(Enumerable.Range(0, 500).Select(i => $$"""{"type":"clip","name":"c{{i}}","max":1,"grader":"""))
            + """{"type":"length","name":"l","max":1}""" + new string('}', 500);

        using var answer = await api.Client.PostAsync(
            new Uri("/api/v1/rewards/dry-run", UriKind.Relative), new StringContent("{\"grader\":" + grader + ",\"samples\":" + Sample + "}", Encoding.UTF8, "application/json"));

        Assert.InRange((int)answer.StatusCode, 400, 422);
    }

    [Fact]
    public async Task DryRun_StepAndGroup_AreTakenAsInARun()
    {
        var answer = await api.Client.PostTextAsync("/api/v1/rewards/dry-run", """
            {"step":5,"samples":[{"item":{},"output_text":"a","group":1},{"item":{},"output_text":"b","group":1}],
             "grader":{"type":"weighted_sum","name":"w","graders":[
               {"schedule":{"points":[{"step":0,"factor":0},{"step":10,"factor":1}]},"grader":{"type":"length","name":"l","max":9}}]}}
            """).JsonAsync(200);

        Assert.Equal([0.5, 0.5], answer.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("value").GetDouble()));
    }
}
