using System.Text.Json;

namespace RftService.Grading.Tests;

/// <summary>multiple_choice, format, repetition_penalty, overlong.</summary>
public sealed class SmallGraderTests
{
    [Theory]
    [InlineData("B", "B", 1)]
    [InlineData("B", "b", 1)]
    [InlineData("B", "(B)", 1)]
    [InlineData("B", "**B**", 1)]
    [InlineData("B", "B.", 1)]
    [InlineData("B", "B) Paris", 1)]
    [InlineData("(B) Paris", "The answer is B.", 1)]
    [InlineData("B", "The correct answer is: **(B)**, because A is wrong.", 1)]
    [InlineData("B", "Answer: B", 1)]
    [InlineData("B", "the answer would be option B", 1)]
    [InlineData("B", "I choose \\boxed{B}.", 1)]
    [InlineData("B", "\\boxed{\\text{(B)}} and the answer is C", 1)]
    [InlineData("B", "First A) is out.\nB) it is", 1)]
    [InlineData("B", "Both (A) and (B) look right; I take (B)", 1)]
    [InlineData("B", "The answer is A. No, the answer is B.", 1)]
    [InlineData("B", "The answer is C.", 0)]
    [InlineData("A", "The answer is a number.", 0)]
    [InlineData("A", "I think that A is nice.", 0)]
    [InlineData("B", "", 0)]
    [InlineData("B", "The answer is Z.", 0)]
    [InlineData("B", "Bananas", 0)]
    [InlineData("D", "D'accord", 0)]
    public void MultipleChoice_Texts_FindTheLetter(string reference, string output, double expected) =>
        Assert.Equal(expected, Choice().Score(output, JsonSerializer.Serialize(new { x = reference })).Value);

    [Theory]
    [InlineData("")]
    [InlineData("Paris is nice")]
    [InlineData("K")]
    public void MultipleChoice_NoLetterInTheReference_IsRefused(string reference)
    {
        var item = JsonSerializer.Serialize(new { x = reference });

        Assert.Equal("/x", Choice().Reject(Given.Item(item))?.Pointer);
        Assert.Equal(GradeError.OtherError, Choice().Score("", item).Error);
    }

    [Theory]
    [InlineData("<think>a</think><answer>b</answer>", "", 1)]
    [InlineData(" <think>a</think>\n\n<answer>b</answer>\n", "", 1)]
    [InlineData("<think>a</think>so<answer>b</answer>", "", 0)]
    [InlineData("<think>a</think>so<answer>b</answer>", "\"only_tags\":false", 1)]
    [InlineData("<think> </think><answer>b</answer>", "", 0)]
    [InlineData("<think></think><answer>b</answer>", "\"non_empty\":false", 1)]
    [InlineData("<answer>b</answer><think>a</think>", "", 0)]
    [InlineData("<think><answer>b</answer></think>", "", 0)]
    [InlineData("<think>a</think><answer>b</answer><answer>c</answer>", "", 0)]
    [InlineData("<think>a</think>", "", 0)]
    [InlineData("a</think><answer>b</answer>", "\"first_opened\":true", 1)]
    [InlineData("<think>a</think><answer>b", "\"mode\":\"share\"", 0.75)]
    [InlineData("", "\"mode\":\"share\"", 0)]
    public void Format_Tags_AreChecked(string output, string options, double expected) =>
        Assert.Equal(expected, Given.Grader($$"""{"type":"format","name":"g","tags":["think","answer"]{{(options.Length > 0 ? "," : "")}}{{options}}}""").Score(output).Value);

    // open-r1: scaling = 1 - unique / total, reward = scaling * max_penalty; "a b a b" has bigrams ab, ba, ab: 1 - 2/3.
    [Theory]
    [InlineData("a b a b", 2, 1, -1.0 / 3)]
    [InlineData("a A a a", 1, 0.5, -0.375)]
    [InlineData("a b c", 3, 1, 0)]
    [InlineData("a b", 3, 1, 0)]
    [InlineData("", 3, 1, 0)]
    public void RepetitionPenalty_Runs_CountOnce(string output, int n, double penalty, double expected) =>
        Assert.Equal(expected, Given.Grader(FormattableString.Invariant($$"""{"type":"repetition_penalty","name":"g","n":{{n}},"penalty":{{penalty}}}""")).Score(output).Value!.Value, 12);

    // DAPO equation 13 with L_max 20, L_cache 4.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(16, 0)]
    [InlineData(17, -0.25)]
    [InlineData(20, -1)]
    [InlineData(21, -1)]
    public void Overlong_Tokens_FollowDapo(int tokens, double expected) =>
        Assert.Equal(expected, Overlong.Score(new GradingInput(Given.Item("{}"), "text", Tokens: tokens)).Value);

    [Fact]
    public void Overlong_UnknownTokens_IsAnError() => Assert.Equal(GradeError.InvalidVariableError, Overlong.Score("text").Error);

    [Theory]
    [InlineData("""{"type":"overlong","name":"g","max":4,"buffer":5}""", "/buffer")]
    [InlineData("""{"type":"format","name":"g","tags":["<a>"]}""", "/tags/0")]
    [InlineData("""{"type":"format","name":"g","tags":["a","a"]}""", "/tags/1")]
    [InlineData("""{"type":"format","name":"g","tags":[]}""", "/tags")]
    [InlineData("""{"type":"multiple_choice","name":"g","reference":"{{sample.output_text}}"}""", "/reference")]
    [InlineData("""{"type":"multiple_choice","name":"g","reference":"A","choices":27}""", "/choices")]
    [InlineData("""{"type":"repetition_penalty","name":"g","n":6}""", "/n")]
    public void Create_BadOption_PointsAtIt(string json, string pointer) => Assert.Equal(pointer, Given.Fault(json).Pointer);

    private static IGrader Overlong => Given.Grader("""{"type":"overlong","name":"g","max":20,"buffer":4}""");

    private static IGrader Choice() => Given.Grader("""{"type":"multiple_choice","name":"g","reference":"{{item.x}}"}""");
}
