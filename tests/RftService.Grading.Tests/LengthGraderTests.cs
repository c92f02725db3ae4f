namespace RftService.Grading.Tests;

public sealed class LengthGraderTests
{
    [Theory]
    [InlineData("""{"max":3}""", "one two three", 1)]
    [InlineData("""{"max":3}""", "one two three four", 0)]
    [InlineData("""{"max":3,"falloff":4}""", "one two three four", 0.75)] // 1 - 1/4
    [InlineData("""{"min":2,"falloff":4}""", "", 0.5)] // 1 - 2/4
    [InlineData("""{"min":2,"max":3}""", " one\ttwo\n", 1)]
    [InlineData("""{"target":2,"falloff":2}""", "one", 0.5)]
    [InlineData("""{"target":2}""", "one", 0)]
    [InlineData("""{"target":3,"unit":"characters"}""", "aé😀", 1)]
    [InlineData("""{"target":2,"unit":"lines"}""", "a\r\nb", 1)]
    [InlineData("""{"target":2,"unit":"lines"}""", "a\nb\n", 1)]
    [InlineData("""{"target":2,"unit":"lines"}""", "a\rb\r", 1)]
    [InlineData("""{"target":0,"unit":"lines"}""", "", 1)]
    [InlineData("""{"target":1,"falloff":2}""", "a b c d e f", 0)]
    public void Score_Length_IsInRangeOrFallsOff(string options, string output, double expected) =>
        Assert.Equal(expected, Given.Grader(Spec(options)).Score(output).Value);

    [Fact]
    public void Score_HalfASurrogatePair_IsOneCharacter() =>
        Assert.Equal(1, Given.Grader(Spec("""{"target":2,"unit":"characters"}""")).Score("\ud800x").Value);

    [Fact]
    public void Score_Reason_SaysTheLength() => Assert.Equal("2 words", Given.Grader(Spec("""{"max":3}""")).Score("a b").Reason);

    [Theory]
    [InlineData("{}", "/target")]
    [InlineData("""{"target":1,"max":2}""", "/target")]
    [InlineData("""{"min":3,"max":2}""", "/max")]
    [InlineData("""{"min":-1}""", "/min")]
    [InlineData("""{"max":1,"falloff":-1}""", "/falloff")]
    public void Create_BadRange_PointsAtIt(string options, string pointer) =>
        Assert.Equal(pointer, Given.Fault(Spec(options)).Pointer);

    [Fact]
    public void Score_Tokens_AreThoseOfTheCompletion()
    {
        var grader = Given.Grader(Spec("""{"max":1,"unit":"tokens"}"""));

        Assert.Equal(0, grader.Score(new GradingInput(Given.Item("{}"), "one", Tokens: 2)).Value);
        Assert.Equal(GradeError.InvalidVariableError, grader.Score("one").Error);
    }

    private static string Spec(string options) => options == "{}" ? """{"type":"length","name":"l"}""" : $$"""{"type":"length","name":"l",{{options[1..]}}""";
}
