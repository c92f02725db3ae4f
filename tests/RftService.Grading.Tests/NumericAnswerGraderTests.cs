using System.Globalization;
using System.Text.Json;
using RftService.Testing;

namespace RftService.Grading.Tests;

public sealed class NumericAnswerGraderTests
{
    private const string Reference = """{"reference":"{{item.answer}}"}""";

    [Theory]
    [InlineData("#### 72", "72")]
    [InlineData("It is 3.\n#### 72 clips of 5", "72")]
    [InlineData("#### 1\n#### 72", "72")]
    [InlineData("#### **$1,234.50**", "1234.5")]
    [InlineData("#### -5", "-5")]
    [InlineData("#### $-5", "-5")]
    [InlineData("#### -$5", "-5")]
    [InlineData("#### $\\frac{3}{4}$", "0.75")]
    [InlineData("#### Step 2\nThe answer is 7. Checked 3 times.", "7")]
    [InlineData("so \\boxed{42} of 7", "42")]
    [InlineData("so $\\boxed{x_1 = 12{,}345 \\text{ m}^2}$", "12345")]
    [InlineData("\\boxed{\\dfrac{1}{3}}", "1/3")]
    [InlineData("\\boxed{ 5", "5")]
    [InlineData("The Answer is: **18** apples, 2 left", "18")]
    [InlineData("Answer:\n 18\nThat was 3 steps.", "18")]
    [InlineData("3 + 4 = 7", "7")]
    [InlineData("It costs 1,000,000 dollars", "1e6")]
    [InlineData("It costs 1\u00a0000 dollars", "1000")]
    [InlineData("it is 50%", "50")]
    [InlineData("it is 2 1/2", "2.5")]
    [InlineData("it is 2 and 1/2", "2.5")]
    [InlineData("it is 2½", "5/2")]
    [InlineData("it is 2\\frac12 m", "5/2")]
    [InlineData("it is -2 1/2", "-2.5")]
    [InlineData("it is \u22123", "-3")]
    [InlineData("it is .5", "1/2")]
    [InlineData("half of 3, 4/8", "0.5")]
    [InlineData("it is 2.50e-1.", "0.25")]
    [InlineData("it is 1.5 × 10^3", "1500")]
    [InlineData("it is 1.5 \\times 10^{-3} m", "0.0015")]
    [InlineData("an area of 25 cm^2", "25")]
    [InlineData("__42__", "42")]
    [InlineData("5-3", "3")]
    [InlineData("1,2,3", "3")]
    [InlineData("it is 42.", "42")]
    [InlineData("from 3 to 12,34", "34")]
    [InlineData("0.1000000000000000000000000000000000000001", "0.1000000000000000000000000000000000000001")]
    public void Score_SameNumber_IsOne(string output, string answer)
    {
        var grade = Given.Grader(Spec(Reference)).Score(output, JsonSerializer.Serialize(new { answer }));

        Assert.Equal((1.0, "equal"), (grade.Value, grade.Reason));
    }

    [Theory]
    [InlineData("#### 71", "72", "different")]
    [InlineData("72\n#### 71", "72", "different")]
    [InlineData("-72", "72", "different")]
    [InlineData("0.1000000000000000000000000000000000000002", "0.1000000000000000000000000000000000000001", "different")]
    [InlineData("0.3333", "1/3", "different")]
    [InlineData("I cannot say.", "72", "no_number")]
    [InlineData("", "72", "no_number")]
    [InlineData("it is 1/0", "1", "no_number")]
    [InlineData("1e99999", "72", "no_number")]
    public void Score_OtherOrNoNumber_IsZeroWithReason(string output, string answer, string reason)
    {
        var grade = Given.Grader(Spec(Reference)).Score(output, JsonSerializer.Serialize(new { answer }));

        Assert.Equal((0.0, reason), (grade.Value, grade.Reason));
    }

    [Theory]
    [InlineData("hashes", "#### 5", 1)]
    [InlineData("hashes", "the answer is 5", 0)]
    [InlineData("boxed", "\\boxed{5}", 1)]
    [InlineData("boxed", "#### 5", 0)]
    [InlineData("answer_is", "the answer is about 5", 1)]
    [InlineData("answer_is", "5", 0)]
    [InlineData("last", "#### 4 then 5", 1)]
    public void Score_DemandedForm_IsTheOnlyOneRead(string extract, string output, double expected)
    {
        var grader = Given.Grader(Spec($$"""{"reference":"5","extract":"{{extract}}"}"""));

        Assert.Equal(expected, grader.Score(output).Value);
    }

    [Theory]
    [InlineData("""{"reference":"10","absolute_tolerance":0.1}""", "10.1", 1)]
    [InlineData("""{"reference":"10","absolute_tolerance":0.1}""", "9.9", 1)]
    [InlineData("""{"reference":"10","absolute_tolerance":0.1}""", "10.1000001", 0)]
    [InlineData("""{"reference":"-10","relative_tolerance":0.01}""", "-10.1", 1)]
    [InlineData("""{"reference":"10","relative_tolerance":0.01}""", "10.11", 0)]
    [InlineData("""{"reference":"0","relative_tolerance":1}""", "1", 0)]
    [InlineData("""{"reference":"1/3","relative_tolerance":1e-4}""", "0.33333", 1)]
    public void Score_Tolerance_IsExactAtItsEdge(string options, string output, double expected) =>
        Assert.Equal(expected, Given.Grader(Spec(options)).Score(output).Value);

    [Theory]
    [InlineData("""{"answer":"#### 5"}""", null)]
    [InlineData("""{"answer":5}""", null)]
    [InlineData("""{"answer":"five"}""", "/answer")]
    [InlineData("""{"answer":""}""", "/answer")]
    [InlineData("""{"answer":null}""", "/answer")]
    [InlineData("""{"question":"5"}""", "/answer")]
    public void Reject_ReferenceWithoutNumber_PointsAtTheField(string item, string? pointer) =>
        Assert.Equal(pointer, Given.Grader(Spec(Reference)).Reject(Given.Item(item))?.Pointer);

    [Fact]
    public void Score_ReferenceWithoutNumber_IsAnErrorEvenForACompletionWithoutNumber() =>
        Assert.Equal(GradeError.OtherError, Given.Grader(Spec(Reference)).Score("none", """{"answer":"none"}""").Error);

    [Theory]
    [InlineData("""{"reference":"five"}""", "/reference")]
    [InlineData("""{"reference":"{{sample.output_text}}"}""", "/reference")]
    [InlineData("""{"reference":"5","absolute_tolerance":-1}""", "/absolute_tolerance")]
    [InlineData("""{"reference":"5","relative_tolerance":2}""", "/relative_tolerance")]
    [InlineData("""{"reference":"5","absolute_tolerance":1e999}""", "/absolute_tolerance")]
    public void Create_BadOption_PointsAtIt(string options, string pointer) =>
        Assert.Equal(pointer, Given.Fault(Spec(options)).Pointer);

    [SharedFact]
    public void Score_Gsm8k_EveryRowAgainstItselfAndTheNext()
    {
        var grader = Given.Grader(Spec(Reference));
        foreach (var (file, expectedRows) in new[] { ("train", 7473), ("test", 1319) })
        {
            var rows = File.ReadLines(SharedFolder.Path($"data/gsm8k/{file}.jsonl")).Select(line => Given.Item(line)).ToArray();
            Assert.Equal(expectedRows, rows.Length);
            for (var i = 0; i < rows.Length; i++)
            {
                var (own, next) = (Answer(rows[i]), Answer(rows[(i + 1) % rows.Length]));

                Assert.Null(grader.Reject(rows[i]));
                Assert.True(grader.Score(new GradingInput(rows[i], own)).Value == 1, $"{file} row {i} against itself");
                Assert.True(
                    grader.Score(new GradingInput(rows[i], next)).Value == (Final(own) == Final(next) ? 1 : 0),
                    $"{file} row {i} against the next: {Final(own)}, {Final(next)}");
            }
        }
    }

    private static string Answer(JsonElement row) => row.GetProperty("answer").GetString()!;

    // The data set's own convention, read independently of the grader.
    private static decimal Final(string answer) =>
        decimal.Parse(answer[(answer.LastIndexOf("####", StringComparison.Ordinal) + 4)..].Trim().Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);

    private static string Spec(string options) => $$"""{"type":"numeric_answer","name":"n",{{options[1..]}}""";
}
