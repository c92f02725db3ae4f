namespace RftService.Grading.Tests;

public sealed class ContainsGraderTests
{
    [Theory]
    [InlineData("any", "the cat", 1)]
    [InlineData("any", "the cow", 0)]
    [InlineData("all", "cat and dog", 1)]
    [InlineData("all", "cat", 0)]
    [InlineData("none", "cow", 1)]
    [InlineData("none", "dog", 0)]
    [InlineData("share", "dog", 0.5)]
    [InlineData("share", "", 0)]
    public void Score_Mode_CountsKeywords(string mode, string output, double expected) =>
        Assert.Equal(expected, Given.Grader(Spec($$"""{"keywords":["cat","dog"],"mode":"{{mode}}"}""")).Score(output).Value);

    [Theory]
    [InlineData("cat", "cats", 0)]
    [InlineData("cat", "cats, a cat", 1)]
    [InlineData("cat", "bobcat", 0)]
    [InlineData("cat", "cat", 1)]
    [InlineData("cat", "(Cat)", 1)]
    [InlineData("c++", "I like C++.", 1)]
    [InlineData("c++", "I like c++17", 1)] // + ends no word, so nothing is continued
    [InlineData("aa", "aaa", 0)]
    public void Score_WholeWords_DoNotContinueWords(string keyword, string output, double expected) =>
        Assert.Equal(expected, Given.Grader(Spec($$"""{"keywords":["{{keyword}}"],"whole_words":true,"ignore_case":true}""")).Score(output).Value);

    [Fact]
    public void Score_IgnoreCase_IsOff_UnlessAsked()
    {
        Assert.Equal(0, Given.Grader(Spec("""{"keywords":["happy"]}""")).Score("Happy").Value);
        Assert.Equal(1, Given.Grader(Spec("""{"keywords":["happy"],"ignore_case":true}""")).Score("Happy").Value);
    }

    [Fact]
    public void Score_KeywordOfTheRow_IsRendered() =>
        Assert.Equal(1, Given.Grader(Spec("""{"keywords":["{{item.k}}!"]}""")).Score("oh no!", """{"k":"no"}""").Value);

    [Theory]
    [InlineData("{}", "/k")]
    [InlineData("""{"k":""}""", "/k")]
    [InlineData("""{"k":"no"}""", null)]
    public void Reject_KeywordOfTheRow_MustHoldText(string item, string? pointer) =>
        Assert.Equal(pointer, Given.Grader(Spec("""{"keywords":["{{item.k}}"]}""")).Reject(Given.Item(item))?.Pointer);

    [Theory]
    [InlineData("""{"keywords":[]}""", "/keywords")]
    [InlineData("""{"keywords":["a",""]}""", "/keywords/1")]
    [InlineData("""{"keywords":["a",null]}""", "/keywords/1")]
    [InlineData("""{"keywords":null}""", "/keywords")]
    [InlineData("""{"keywords":["a","a"]}""", "/keywords/1")]
    [InlineData("""{"keywords":["a","A"],"ignore_case":true}""", "/keywords/1")]
    [InlineData("""{"keywords":["{{sample.output_text}}"]}""", "/keywords/0")]
    public void Create_BadKeywords_PointAtThem(string options, string pointer) =>
        Assert.Equal(pointer, Given.Fault(Spec(options)).Pointer);

    [Fact]
    public void Create_TooManyKeywords_IsRefused()
    {
        var keywords = string.Join(',', Enumerable.Range(0, 65).Select(i => $"\"k{i}\""));

        Assert.Equal("/keywords", Given.Fault(Spec($$"""{"keywords":[{{keywords}}]}""")).Pointer);
    }

    private static string Spec(string options) => $$"""{"type":"contains","name":"c",{{options[1..]}}""";
}
