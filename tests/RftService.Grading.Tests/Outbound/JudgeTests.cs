using Microsoft.AspNetCore.Http;

namespace RftService.Grading.Tests.Outbound;

public sealed class JudgeTests
{
    private const string Question = """ "model":"m","input":[{"role":"system","content":"Judge."},{"role":"user","content":"{{item.question}} {{sample.output_text}}"}] """;

    [Theory]
    [InlineData("""{"steps":[{"description":"a","conclusion":"Good."}],"result":0.75}""", 0.75)]
    [InlineData("""{"result":7}""", 1.0)]
    [InlineData("""{"result":-7}""", 0.0)]
    [InlineData("""{"result":"0.5"}""", 0.5)]
    [InlineData("I think {so}. ```json\n{\"result\": 0.25}\n``` Done.", 0.25)]
    [InlineData("""{"result":0.1} no, wait: {"result":0.9}""", 0.9)]
    public async Task ScoreModel_Answer_IsClippedIntoTheRange(string content, double expected)
    {
        await using var service = LocalService.Start((http, _) => http.Response.WriteAsync(LocalService.Completion(content)));

        Assert.Equal(expected, Score(service).Score("answer", """{"question":"Q?"}""").Value);

        var (headers, body) = service.Asked.Single();
        var asked = Given.Item(body);
        Assert.Equal("Bearer sk-of-a-test", headers.Authorization);
        Assert.Equal("Q? answer", asked.GetProperty("messages")[1].GetProperty("content").GetString());
        Assert.Equal("json_schema", asked.GetProperty("response_format").GetProperty("type").GetString());
    }

    [Theory]
    [InlineData("excellent", GradeError.ModelGraderParseError)]
    [InlineData("""{"result":"good"}""", GradeError.ModelGraderParseError)]
    [InlineData("""{"score":1}""", GradeError.ModelGraderParseError)]
    [InlineData("""{"result":1e999}""", GradeError.ModelGraderParseError)]
    public async Task ScoreModel_NoNumber_IsAnErrorAndNotAZero(string content, GradeError error)
    {
        await using var service = LocalService.Start((http, _) => http.Response.WriteAsync(LocalService.Completion(content)));

        var grade = Score(service).Score("answer", """{"question":"Q?"}""");

        Assert.Null(grade.Value);
        Assert.Equal(error, grade.Error);
    }

    [Theory]
    [InlineData("""{"choices":[{"message":{"refusal":"I will not."}}]}""", 200, GradeError.ModelGraderRefusalError)]
    [InlineData("""{"choices":[]}""", 200, GradeError.ModelGraderServerError)]
    [InlineData("nonsense", 200, GradeError.ModelGraderServerError)]
    [InlineData("""{"error":"bad key"}""", 401, GradeError.ModelGraderServerError)]
    public async Task ScoreModel_EndpointTrouble_HasItsCode(string answer, int status, GradeError error)
    {
        await using var service = LocalService.Start((http, _) =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsync(answer);
        });

        Assert.Equal(error, Score(service).Score("answer", """{"question":"Q?"}""").Error);
    }

    [Fact]
    public async Task ScoreModel_MissingField_IsRejectedBeforeTheRunAndAsksNobody()
    {
        await using var service = LocalService.Start((http, _) => http.Response.WriteAsync(LocalService.Completion("""{"result":1}""")));
        var grader = Score(service);

        Assert.Equal("/question", grader.Reject(Given.Item("{}"))?.Pointer);
        Assert.Equal(GradeError.InvalidVariableError, grader.Score("answer").Error);
        Assert.Empty(service.Asked);
    }

    [Fact]
    public async Task ScoreModel_SameQuestionAgain_IsAnsweredFromMemoryUnlessToldNot()
    {
        await using var service = LocalService.Start((http, _) => http.Response.WriteAsync(LocalService.Completion("""{"result":1}""")));
        var (remembering, asking) = (Score(service), Score(service, "\"cache\":false,"));

        for (var i = 0; i < 3; i++)
        {
            remembering.Score("answer", """{"question":"Q?"}""");
            asking.Score("answer", """{"question":"Q?"}""");
        }

        Assert.Equal(4, service.Asked.Count);
    }

    [Fact]
    public async Task ScoreModel_Votes_AreAskedWithOtherSeedsAndAveraged()
    {
        await using var service = LocalService.Start((http, body) =>
            http.Response.WriteAsync(LocalService.Completion($$"""{"result":{{(Given.Item(body).GetProperty("seed").GetInt32() == 5 ? "1" : "0.25")}}}""")));

        var grade = Score(service, "\"votes\":3,\"sampling_params\":{\"seed\":5},").Score("answer", """{"question":"Q?"}""");

        Assert.Equal(0.5, grade.Value);
        Assert.Equal(3, service.Asked.Count);
    }

    [Theory]
    [InlineData("\"max_total_tokens\":200,", 2)] // 110 tokens an answer
    [InlineData("\"max_cost\":0.0003,", 2)] // 0.0002 an answer
    public async Task ScoreModel_BudgetSpent_IsAnErrorAndAsksNoMore(string budget, int asked)
    {
        await using var service = LocalService.Start((http, _) => http.Response.WriteAsync(LocalService.Completion("""{"result":1}""")));
        var grader = Score(service, budget);

        var grades = Enumerable.Range(0, 4).Select(i => grader.Score("answer " + i, """{"question":"Q?"}""")).ToList();

        Assert.Equal(asked, service.Asked.Count);
        Assert.Equal([null, null, GradeError.OtherError, GradeError.OtherError], grades.Select(grade => grade.Error));
        Assert.Contains("budget", grades[^1].Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"result":"good"}""", 1.0, null)]
    [InlineData("""{"result":"bad"}""", 0.0, null)]
    [InlineData("""{"result":"GOOD"}""", null, GradeError.ModelGraderParseError)]
    public async Task LabelModel_Label_PassesOrNot(string content, double? value, GradeError? error)
    {
        await using var service = LocalService.Start((http, _) => http.Response.WriteAsync(LocalService.Completion(content)));

        var grade = Label(service).Score("answer", """{"question":"Q?"}""");

        Assert.Equal((value, error), (grade.Value, grade.Error));
    }

    [Theory]
    [InlineData("""{"type":"score_model","name":"g","endpoint":"nobody","model":"m","input":[{"role":"user","content":"a"}]}""", "/endpoint")]
    [InlineData("""{"type":"score_model","name":"g","model":"m","input":[{"role":"user","content":"{{item."}]}""", "/input/0/content")]
    [InlineData("""{"type":"score_model","name":"g","model":"m","input":[{"role":"bot","content":"a"}]}""", "/input/0/role")]
    [InlineData("""{"type":"score_model","name":"g","model":"m","input":[]}""", "/input")]
    [InlineData("""{"type":"score_model","name":"g","model":"m","range":[1,0],"input":[{"role":"user","content":"a"}]}""", "/range")]
    [InlineData("""{"type":"label_model","name":"g","model":"m","labels":["a","b"],"passing_labels":["c"],"input":[{"role":"user","content":"a"}]}""", "/passing_labels")]
    [InlineData("""{"type":"label_model","name":"g","model":"m","labels":["a","a"],"passing_labels":["a"],"input":[{"role":"user","content":"a"}]}""", "/labels")]
    public void Create_Impossible_NamesThePlace(string json, string pointer) =>
        Assert.Equal(pointer, Assert.Throws<GraderSpecException>(() => Given.Grader(json)).Pointer);

    private static IGrader Score(LocalService service, string options = "\"retries\":0,") =>
        GraderCatalog.Create(Given.Spec($$"""{"type":"score_model","name":"g",{{options}}{{Question}}}"""), service.Host());

    private static IGrader Label(LocalService service) =>
        GraderCatalog.Create(Given.Spec($$"""{"type":"label_model","name":"g","labels":["good","bad"],"passing_labels":["good"],{{Question}}}"""), service.Host());
}
