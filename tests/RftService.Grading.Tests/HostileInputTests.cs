using System.Diagnostics;
using System.Text;
using System.Text.Json;
using RftService.Grading.Graders;
using RftService.Grading.Numbers;
using RftService.Grading.Templates;
using RftService.Grading.Text;
using RftService.Testing.Fuzz;

namespace RftService.Grading.Tests;

public sealed class HostileInputTests
{
    // Graders that only compute; those that ask or run something are met over HTTP.
    private static readonly string[] Computed = [.. RandomGrader.Types.Except([.. RandomGrader.Programs, .. RandomGrader.Outbound, "text_similarity"])];

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
        Given.Grader("""
            {"type":"multi","name":"m","calculate_output":"max(a, b) + min(c, d) * e - f ^ 2 + g + h + i + j","graders":{
              "a":{"type":"text_similarity","name":"a","input":"{{sample.output_text}}","reference":"cat {{item.s}}","evaluation_metric":"fuzzy_match"},
              "b":{"type":"text_similarity","name":"b","input":"{{sample.output_text}}","reference":"cat 42 and more","evaluation_metric":"meteor"},
              "c":{"type":"text_similarity","name":"c","input":"{{sample.output_text}}","reference":"cat 42 and more","evaluation_metric":"rouge_l"},
              "d":{"type":"math_equivalent","name":"d","reference":"1 {{item.s}}"},
              "e":{"type":"multiple_choice","name":"e","reference":"A"},
              "f":{"type":"format","name":"f","tags":["a"],"mode":"share"},
              "g":{"type":"repetition_penalty","name":"g"},
              "h":{"type":"gate","name":"h","condition":{"type":"json_schema","name":"h1","schema":{"type":"object"},"extract":"fenced"},
                   "grader":{"type":"json_fields","name":"h2","reference":"{\"a\":1}"}},
              "i":{"type":"clip","name":"i","max":0.5,"grader":{"type":"overlong","name":"o","max":9,"buffer":9,"unit":"words"}},
              "j":{"type":"instructions","name":"j","checks":[{"id":"length_constraints:number_sentences","kwargs":{"num_sentences":2,"relation":"at least"}}]}}}
            """),
        Given.Grader("""{"type":"numeric_answer","name":"n","reference":"{{sample}}"}""".Replace("{{sample}}", "{{item.s}}", StringComparison.Ordinal)),
        Given.Grader("""{"type":"regex","name":"r","pattern":"(?<!a)cat(?=.*\\d)"}"""),
        Given.Grader("""{"type":"string_check","name":"s","input":"{{item.s}}","reference":"{{sample.output_text}}","operation":"like"}"""),
    ];

    private static readonly IGrader Mathematical = Given.Grader("""{"type":"math_equivalent","name":"m","reference":"{{item.s}}"}""");

    [Fact]
    public void Graders_RandomText_NeverThrowAndGiveAValueOrAReason()
    {
        var random = new Random(20260101);
        for (var i = 0; i < 20_000; i++)
        {
            var item = JsonSerializer.SerializeToElement(new { s = RandomText.Of(random, 8) });
            var input = new GradingInput(item, RandomText.Of(random, 24));
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
            var source = RandomText.Of(random, 12);
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
    public void Latex_Random_IsGradedFromBothSides()
    {
        var random = new Random(20260107);
        var same = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var text = RandomText.Latex(random, 14);
            var item = JsonSerializer.SerializeToElement(new { s = random.Next(3) == 0 ? text : RandomText.Latex(random, 14) });

            var fault = Mathematical.Reject(item);
            var grade = Mathematical.Score(new GradingInput(item, text));

            Assert.True(fault is null == grade.Error is null, $"{text} {item}"); // a row that is accepted can be graded
            same += grade.Value == 1 ? 1 : 0;
        }

        Assert.InRange(same, 1_000, 15_000);
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

    [Fact]
    public void Trees_Random_AreMadeOrRefusedWithAPlace()
    {
        var random = new Random(20260106);
        var made = 0;
        for (var i = 0; i < 3_000; i++)
        {
            var json = new RandomGrader(random, Computed).Next().ToJsonString();
            try
            {
                var grade = Given.Grader(json).Score(RandomText.Of(random, 12), """{"s":"42","list":[1]}""");
                Assert.True(grade.Value is { } value ? double.IsFinite(value) : grade.Reason is not null);
                made++;
            }
            catch (GraderSpecException fault)
            {
                Assert.StartsWith("/", fault.Pointer, StringComparison.Ordinal);
            }
        }

        Assert.InRange(made, 500, 2_990);
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
        var inputs = Enumerable.Range(0, 2000).Select(_ => new GradingInput(Given.Item("""{"s":"42"}"""), RandomText.Of(random, 24))).ToArray();
        var alone = inputs.Select(input => Graders[0].Score(input).Value).ToArray();

        var together = inputs.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(input => Graders[0].Score(input).Value).ToArray();

        Assert.Equal(alone, together);
    }

    [Fact]
    public void Number_LongerThanAnyAnswer_IsNoNumber() =>
        Assert.Null(FinalNumber.Find(new string('9', 1_000_000), NumberExtraction.Auto));
}
