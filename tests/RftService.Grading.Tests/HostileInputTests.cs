using System.Diagnostics;
using System.Text;
using System.Text.Json;
using RftService.Grading.Graders;
using RftService.Grading.Numbers;
using RftService.Grading.Templates;
using RftService.Grading.Text;

namespace RftService.Grading.Tests;

public sealed class HostileInputTests
{
    private static readonly string[] Pieces =
    [
        "{{", "}}", "{", "}", "item.", "sample.output_text", ".", "[", "]", "0", "1", "42", ",", ",000", "/", "-", "+", "$", "%", "e", "E9", "####", "\\boxed{",
        "\\frac", "{1}", "{2}", "answer is", "=", "^", "_", " ", "\n", "½", "×", "10^", "\\times", "\\,", "{,}", "a", "é", "😀", "\ud800", "\udc00", "\0", "\u2212", "cat",
    ];

    private static readonly IGrader[] Graders =
    [
        Given.Grader("""
            {"type":"weighted_sum","name":"all","graders":[
              {"grader":{"type":"numeric_answer","name":"n","reference":"{{item.s}}"}},
              {"grader":{"type":"contains","name":"c","keywords":["cat","{{item.s}}"],"mode":"share","whole_words":true,"ignore_case":true}},
              {"grader":{"type":"length","name":"l","target":5,"falloff":3,"unit":"characters"}},
              {"grader":{"type":"length","name":"lines","max":2,"unit":"lines"}},
              {"grader":{"type":"string_check","name":"s","input":"{{sample.output_text}}","reference":"{{item.s}}","operation":"ilike"}},
              {"grader":{"type":"regex","name":"r","pattern":"(\\d+)\\s*$","group":"1","reference":"{{item.s}}"}}]}
            """),
        Given.Grader("""{"type":"numeric_answer","name":"n","reference":"{{sample}}"}""".Replace("{{sample}}", "{{item.s}}", StringComparison.Ordinal)),
        Given.Grader("""{"type":"regex","name":"r","pattern":"(?<!a)cat(?=.*\\d)"}"""),
        Given.Grader("""{"type":"string_check","name":"s","input":"{{item.s}}","reference":"{{sample.output_text}}","operation":"like"}"""),
    ];

    [Fact]
    public void Graders_RandomText_NeverThrowAndGiveAValueOrAReason()
    {
        var random = new Random(20260101);
        for (var i = 0; i < 20_000; i++)
        {
            var item = JsonSerializer.SerializeToElement(new { s = RandomText(random, 8) });
            var input = new GradingInput(item, RandomText(random, 24));
            foreach (var grader in Graders)
            {
                var fault = grader.Reject(item);
                var grade = grader.Score(input);

                Assert.True(grade.Value is { } value ? double.IsFinite(value) : grade.Reason is not null);
                Assert.True(fault is not null || grade.Error is null or GradeError.UnresponsiveRewardError, "a row that is accepted can be graded");
                Assert.False(fault is not null && grade is { Error: null, Value: > 0 }, "a row that is rejected earns nothing");
            }
        }
    }

    [Fact]
    public void Templates_RandomText_ParseOrNameAPlace()
    {
        var random = new Random(20260102);
        var parsed = 0;
        for (var i = 0; i < 50_000; i++)
        {
            var source = RandomText(random, 12);
            try
            {
                Template.Parse(source).TryRender(Given.Item("""{"a":[{"a":1}],"é":"x"}"""), "out", out var text, out var missing);
                Assert.True(missing is not null ? text.Length == 0 : text.Length > 0 || source.Length == 0);
                parsed++;
            }
            catch (TemplateException fault)
            {
                Assert.InRange(fault.Position, 0, source.Length);
            }
        }

        Assert.InRange(parsed, 1000, 49_000);
    }

    [Fact]
    public void Numbers_RandomRationals_SurviveEveryWriting()
    {
        var random = new Random(20260103);
        for (var i = 0; i < 20_000; i++)
        {
            var value = random.Next(-10_000_000, 10_000_000) / (decimal)Math.Pow(10, random.Next(0, 5));
            var grader = NumericAnswerGrader.Create(new NumericAnswerSpec { Name = "n", Reference = FormattableString.Invariant($"{value}") });
            string[] writings =
            [
                FormattableString.Invariant($"so {value:#,##0.#####}."),
                FormattableString.Invariant($"#### {value:0.00000} of 7"),
                FormattableString.Invariant($"so {value * 100000m:0}/100000"),
                FormattableString.Invariant($"so {value * 1000m:0.#####}e-3"),
                FormattableString.Invariant($"\\boxed{{{value:0.#####}\\%}} 7"),
            ];
            Assert.All(writings, writing => Assert.True(grader.Score(writing).Value == 1, $"{value} written {writing}"));
            Assert.Equal(0, grader.Score(FormattableString.Invariant($"{value + 0.00001m}")).Value);
        }
    }

    [Fact]
    public void TextSearch_RandomText_AgreesWithTheFramework()
    {
        var random = new Random(20260104);
        for (var i = 0; i < 5_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(0, 400)).Select(_ => "aAb"[random.Next(3)]));
            var value = string.Concat(Enumerable.Range(0, random.Next(65, 80)).Select(_ => "aAb"[random.Next(3)]));
            text += random.Next(2) == 0 ? value : "";

            Assert.Equal(text.Contains(value, StringComparison.Ordinal), TextSearch.Contains(text, value, ignoreCase: false));
            Assert.Equal(text.Contains(value, StringComparison.OrdinalIgnoreCase), TextSearch.Contains(text, value, ignoreCase: true));
        }
    }

    [Theory]
    [InlineData("1")]
    [InlineData("1 ")]
    [InlineData("1,000")]
    [InlineData("1/")]
    [InlineData("-$")]
    [InlineData("\\frac{")]
    [InlineData("\\boxed{")]
    [InlineData("####")]
    [InlineData("#### answer is 1 1/2 ")]
    [InlineData("1e")]
    [InlineData("{")]
    [InlineData(" ")]
    [InlineData("cat")]
    [InlineData("\n")]
    public void Graders_MegabyteOfRepetition_TakeLinearTime(string piece)
    {
        var output = new StringBuilder().Insert(0, piece, 1_000_000 / piece.Length).ToString();
        var clock = Stopwatch.StartNew();

        foreach (var grader in Graders)
        {
            var grade = grader.Score(output, """{"s":"5"}""");
            Assert.True(grade.Value is not null || grade.Reason is not null);
        }

        // Linear work takes well under a second; quadratic work would take many minutes, also on a busy machine.
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
    }

    [Fact]
    public void Graders_ManyThreads_GiveTheSameGrades()
    {
        var random = new Random(20260105);
        var inputs = Enumerable.Range(0, 2000).Select(_ => new GradingInput(Given.Item("""{"s":"42"}"""), RandomText(random, 24))).ToArray();
        var alone = inputs.Select(input => Graders[0].Score(input).Value).ToArray();

        var together = inputs.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(input => Graders[0].Score(input).Value).ToArray();

        Assert.Equal(alone, together);
    }

    [Fact]
    public void Number_LongerThanAnyAnswer_IsNoNumber() =>
        Assert.Null(FinalNumber.Find(new string('9', 1_000_000), NumberExtraction.Auto));

    private static string RandomText(Random random, int pieces) =>
        string.Concat(Enumerable.Range(0, random.Next(0, pieces)).Select(_ => Pieces[random.Next(Pieces.Length)]));
}
