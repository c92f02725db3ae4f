using System.Diagnostics;
using RftService.Grading.Graders;

namespace RftService.Grading.Tests;

public sealed class RegexGraderTests
{
    [Theory]
    [InlineData("""{"pattern":"^a+$"}""", "aaa", 1)]
    [InlineData("""{"pattern":"^a+$"}""", "aab", 0)]
    [InlineData("""{"pattern":"HAPPY","ignore_case":true}""", "so happy", 1)]
    [InlineData("""{"pattern":"^end$","multiline":true}""", "the\nend", 1)]
    [InlineData("""{"pattern":"^end$"}""", "the\nend", 0)]
    [InlineData("""{"pattern":"(?<=x)y"}""", "xy", 1)]
    [InlineData("""{"pattern":"a"}""", "", 0)]
    public void Score_Pattern_MatchesOrNot(string options, string output, double expected) =>
        Assert.Equal(expected, Given.Grader(Spec(options)).Score(output).Value);

    [Theory]
    [InlineData("<answer>4</answer>", 1, null)]
    [InlineData("<answer>5</answer>", 0, null)]
    [InlineData("<answer></answer>", 0, null)]
    [InlineData("4", 0, "no_match")]
    public void Score_Group_IsComparedWithTheReference(string output, double expected, string? reason)
    {
        var grade = Given.Grader(Spec("""{"pattern":"<answer>(?<a>.*?)</answer>","group":"a","reference":"{{item.x}}"}""")).Score(output, """{"x":4}""");

        Assert.Equal(expected, grade.Value);
        Assert.Equal(reason, grade.Reason);
    }

    [Fact]
    public void Score_GreedyPrefix_TakesTheLastHit()
    {
        var grader = Given.Grader(Spec("""{"pattern":"(?s).*#(\\d)","group":"1","reference":"2"}"""));

        Assert.Equal(1, grader.Score("#1\n#2").Value);
    }

    [Theory]
    [InlineData("(a+)+$", true)]
    [InlineData("(?:(a+)+)$(?!x)", false)]
    public void Score_HostileInput_EndsSoonAndIsNeverZeroByTimeout(string pattern, bool linear)
    {
        var grader = RegexGrader.Create(new RegexSpec { Name = "r", Pattern = pattern });
        Assert.Equal(linear, grader.IsLinear);
        var clock = Stopwatch.StartNew();

        var grade = grader.Score(new string('a', linear ? 20_000 : 5000) + "!");

        Assert.InRange(clock.ElapsedMilliseconds, 0, 60_000);
        Assert.Equal(linear ? null : GradeError.UnresponsiveRewardError, grade.Error);
        Assert.Equal(linear ? 0 : null, grade.Value);
    }

    [Theory]
    [InlineData("""{"pattern":"("}""", "/pattern")]
    [InlineData("""{"pattern":""}""", "/pattern")]
    [InlineData("""{"pattern":"(a)","group":"1"}""", "/reference")]
    [InlineData("""{"pattern":"(a)","reference":"x"}""", "/group")]
    [InlineData("""{"pattern":"(a)","group":"2","reference":"x"}""", "/group")]
    [InlineData("""{"pattern":"(a)","group":"1","reference":"{{x}}"}""", "/reference")]
    public void Create_BadOption_PointsAtIt(string options, string pointer) =>
        Assert.Equal(pointer, Given.Fault(Spec(options)).Pointer);

    [Fact]
    public void Create_PatternOverTheLimit_IsRefused() =>
        Assert.Equal("/pattern", Given.Fault($$"""{"type":"regex","name":"r","pattern":"{{new string('a', 2049)}}"}""").Pointer);

    [Theory]
    [InlineData("{}", "/x")]
    [InlineData("""{"x":""}""", "/x")]
    [InlineData("""{"x":"1"}""", null)]
    public void Reject_Reference_MustHoldText(string item, string? pointer) =>
        Assert.Equal(pointer, Given.Grader(Spec("""{"pattern":"(a)","group":"1","reference":"{{item.x}}"}""")).Reject(Given.Item(item))?.Pointer);

    private static string Spec(string options) => $$"""{"type":"regex","name":"r",{{options[1..]}}""";
}
