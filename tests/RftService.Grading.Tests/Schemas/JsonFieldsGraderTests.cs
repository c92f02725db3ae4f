namespace RftService.Grading.Tests.Schemas;

public sealed class JsonFieldsGraderTests
{
    private const string Row = """{"x":{"name":"Ada  Lovelace","born":1815,"tags":["a","b"],"home":{"city":"London"},"none":null}}""";

    [Theory]
    [InlineData("""{"name":"Ada  Lovelace","born":1815.0,"tags":["a","b"],"home":{"city":"London"},"none":null}""", 1)]
    [InlineData("""{"none":null,"born":1815}""", 0.4)]
    [InlineData("""{"born":"1815"}""", 0)]
    [InlineData("[]", 0)]
    [InlineData("Ada", 0)]
    [InlineData("", 0)]
    public void Score_AllFields_CountEqually(string output, double expected) => Assert.Equal(expected, Grader("").Score(output, Row).Value);

    [Theory]
    [InlineData("""{"name":"ada lovelace","home":{"city":"LONDON"}}""", 0.5)]
    [InlineData("""{"born":"in 1814"}""", 0.25)]
    [InlineData("""{"born":1813}""", 0)]
    [InlineData("""{"tags":["b","a"]}""", 0.25)]
    [InlineData("""{"tags":["b","b"]}""", 0)]
    public void Score_NamedFields_CompareAsTold(string output, double expected) =>
        Assert.Equal(expected, Grader("""
            ,"fields":[{"path":"/name","comparison":"text"},{"path":"/home/city","comparison":"text"},
                       {"path":"/born","comparison":"number","tolerance":1},{"path":"/tags","comparison":"unordered"}]
            """).Score(output, Row).Value);

    [Fact]
    public void Score_Weights_AreShares() =>
        Assert.Equal(0.75, Grader(""","fields":[{"path":"/born","weight":3},{"path":"/tags/1"}]""").Score("""{"born":1815}""", Row).Value);

    [Fact]
    public void Score_Extra_Costs()
    {
        var grader = Given.Grader("""{"type":"json_fields","name":"g","reference":"{\"a\":1}","refuse_extra":true}""");

        Assert.Equal(1, grader.Score("""{"a":1}""").Value);
        Assert.Equal(1.0 / 3, grader.Score("""{"a":1,"b":1,"c":1}""").Value!.Value, 12);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"x":"no json"}""")]
    [InlineData("""{"x":{}}""")]
    [InlineData("""{"x":[1]}""")]
    [InlineData("""{"x":""}""")]
    public void Reference_Unusable_IsRefusedAndNotGraded(string row)
    {
        Assert.Equal("/x", Grader("").Reject(Given.Item(row))?.Pointer);
        Assert.NotNull(Grader("").Score("{}", row).Error);
    }

    [Theory]
    [InlineData(""","fields":[{"path":"/born"},{"path":"/missing"}]""")]
    [InlineData(""","fields":[{"path":"/name","comparison":"number"}]""")]
    public void Reference_WithoutAField_IsRefused(string fields) => Assert.Equal("/x", Grader(fields).Reject(Given.Item(Row))?.Pointer);

    [Theory]
    [InlineData(""","fields":[{"path":"born"}]""", "/fields/0/path")]
    [InlineData(""","fields":[]""", "/fields")]
    [InlineData(""","fields":[{"path":"/a","weight":0}]""", "/fields/0/weight")]
    public void Create_BadFields_PointAtThem(string fields, string pointer) => Assert.Equal(pointer, Given.Fault(Json(fields)).Pointer);

    private static IGrader Grader(string more) => Given.Grader(Json(more));

    private static string Json(string more) => """{"type":"json_fields","name":"g","reference":"{{item.x}}" """ + more + "}";
}
