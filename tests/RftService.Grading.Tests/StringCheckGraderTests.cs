namespace RftService.Grading.Tests;

public sealed class StringCheckGraderTests
{
    [Theory]
    [InlineData("eq", "Paris", "Paris", 1)]
    [InlineData("eq", "paris", "Paris", 0)]
    [InlineData("ne", "paris", "Paris", 1)]
    [InlineData("neq", "Paris", "Paris", 0)]
    [InlineData("like", "In Paris.", "Paris", 1)]
    [InlineData("like", "in paris.", "Paris", 0)]
    [InlineData("like", "Par", "Paris", 0)]
    [InlineData("ilike", "in PARIS.", "Paris", 1)]
    [InlineData("eq", "", "Paris", 0)]
    [InlineData("eq", "e\u0301", "\u00e9", 0)] // ordinal: no Unicode normalization
    public void Score_Operation_ComparesOrdinally(string operation, string output, string answer, double expected)
    {
        var grade = Given.Grader(Check(operation)).Score(output, $$"""{"answer":"{{answer}}"}""");

        Assert.Equal(expected, grade.Value);
    }

    [Theory]
    [InlineData("eq", """{"answer":""}""", null)]
    [InlineData("like", """{"answer":""}""", "/answer")]
    [InlineData("ilike", """{"answer":""}""", "/answer")]
    [InlineData("eq", """{"other":"x"}""", "/answer")]
    [InlineData("eq", """{"answer":null}""", "/answer")]
    [InlineData("like", """{"answer":0}""", null)]
    public void Reject_Row_PointsAtTheField(string operation, string item, string? pointer) =>
        Assert.Equal(pointer, Given.Grader(Check(operation)).Reject(Given.Item(item))?.Pointer);

    [Fact]
    public void Score_RowWithoutTheField_IsAnErrorNotZero()
    {
        var grade = Given.Grader(Check("ne")).Score("x");

        Assert.Null(grade.Value);
        Assert.Equal(GradeError.InvalidVariableError, grade.Error);
        Assert.Contains("item.answer", grade.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Score_EmptyReferenceOfLike_IsAnErrorNotOne() =>
        Assert.Equal(GradeError.OtherError, Given.Grader(Check("like")).Score("x", """{"answer":""}""").Error);

    [Fact]
    public void Score_CompletionAsReferenceAndEmpty_IsZero()
    {
        var grader = Given.Grader("""{"type":"string_check","name":"a","input":"{{item.text}}","reference":"{{sample.output_text}}","operation":"like"}""");

        Assert.Equal(0, grader.Score("", """{"text":"abc"}""").Value);
        Assert.Equal(1, grader.Score("b", """{"text":"abc"}""").Value);
    }

    [Fact]
    public void Score_LongReference_IsFoundByTheLinearSearch()
    {
        var needle = new string('a', 5000) + "b";
        var grader = Given.Grader(Check("like"));

        Assert.Equal(1, grader.Score(new string('a', 1_000_000) + "b", $$"""{"answer":"{{needle}}"}""").Value);
        Assert.Equal(0, grader.Score(new string('a', 1_000_000), $$"""{"answer":"{{needle}}"}""").Value);
        Assert.Equal(1, Given.Grader(Check("ilike")).Score(needle.ToUpperInvariant(), $$"""{"answer":"{{needle}}"}""").Value);
    }

    [Fact]
    public void Create_EmptyReferenceOfLike_IsRefused() =>
        Assert.Equal("/reference", Given.Fault("""{"type":"string_check","name":"a","input":"{{sample.output_text}}","reference":"","operation":"like"}""").Pointer);

    [Fact]
    public void Create_MalformedTemplate_PointsAtTheOption()
    {
        var fault = Given.Fault("""{"type":"string_check","name":"a","input":"{{sample.output","reference":"x","operation":"eq"}""");

        Assert.Equal("/input", fault.Pointer);
        Assert.Contains("character 1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_UnknownOperation_IsRefused() =>
        Assert.Throws<System.Text.Json.JsonException>(() => Given.Spec(Check("equals")));

    private static string Check(string operation) =>
        $$"""{"type":"string_check","name":"check","input":"{{"{{sample.output_text}}"}}","reference":"{{"{{ item.answer }}"}}","operation":"{{operation}}"}""";
}
