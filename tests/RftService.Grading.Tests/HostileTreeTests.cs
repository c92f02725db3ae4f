using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace RftService.Grading.Tests;

/// <summary>Random trees of composed graders, schedules and units: refused with a place, or grading in bounded time.</summary>
public sealed class HostileTreeTests
{
    private static readonly string[] Pieces =
    [
        "1", "-3", "0", "1e9", "1e-300", "1e999", "10^", "42", "1/3", ".5", "%", "$", "€", "£5", " ", "km", "m", "s", "h", "km/h", "mph", "°C", "°F", "K", "kg", "mg", "N", "J",
        "^2", "^-1", "^99999999", "^", "²", "⁻¹", "/", "*", "·", "(", ")", "per", "square", "cubic", "dollars", "cents", "minutes", "and", "feet", "inches", "MiB", "kB", "rad", "°", "dozen", "million", "µ", "Ω", "\ud800",
    ];

    [Fact]
    public void Trees_OfEveryComposition_AreMadeOrRefusedWithAPlaceAndGradeEveryStep()
    {
        var random = new Random(20260203);
        var (made, valued) = (0, 0);
        for (var i = 0; i < 4_000; i++)
        {
            var names = 0;
            var json = Tree(random, 0, ref names);
            IGrader grader;
            try
            {
                grader = Given.Grader(json);
            }
            catch (GraderSpecException fault)
            {
                Assert.StartsWith("/", fault.Pointer, StringComparison.Ordinal);
                continue;
            }

            made++;
            foreach (var step in new int?[] { null, 0, random.Next(200), int.MaxValue })
            {
                var grade = grader.Score(new GradingInput(Given.Item("""{"s":"3 km"}"""), Text(random, 6)) { Step = step });
                Assert.True(grade.Value is { } value ? double.IsFinite(value) : grade.Reason is not null, json);
                Assert.All(grade.Parts.Values, part => Assert.True(double.IsFinite(part)));
                valued += grade.Value is null ? 0 : 1;
            }
        }

        Assert.InRange(made, 1_000, 3_990);
        Assert.InRange(valued, 2_000, 4 * made);
    }

    [Theory]
    [InlineData("optional")]
    [InlineData("required")]
    public void Units_RandomText_NeverThrowAndTakeNoTime(string units)
    {
        var random = new Random(20260204);
        var (equal, worst) = (0, TimeSpan.Zero);
        var grader = Given.Grader($$$"""{"type":"numeric_answer","name":"n","reference":"{{item.s}}","units":"{{{units}}}","relative_tolerance":0.01}""");
        for (var i = 0; i < 20_000; i++)
        {
            var (text, item) = (Text(random, 10), JsonSerializer.SerializeToElement(new { s = Text(random, 6) }));
            var clock = Stopwatch.StartNew();
            var fault = grader.Reject(item);
            var grade = grader.Score(new GradingInput(item, random.Next(3) == 0 ? item.GetProperty("s").GetString()! : text));
            worst = clock.Elapsed > worst ? clock.Elapsed : worst;

            Assert.True(grade.Value is 0 or 1 || grade.Reason is not null);
            Assert.True(fault is not null || grade.Error is null, "a row that is accepted can be graded");
            Assert.False(fault is not null && grade is { Error: null, Value: > 0 }, "a row that is rejected earns nothing");
            equal += grade.Value == 1 ? 1 : 0;
        }

        Assert.InRange(equal, 100, 10_000);
        Assert.InRange(worst.TotalSeconds, 0, 1);
    }

    [Fact]
    public void Units_RandomOption_IsKnownOrRefused()
    {
        var random = new Random(20260205);
        for (var i = 0; i < 10_000; i++)
        {
            var unit = Text(random, 5);
            try
            {
                var json = $$$"""{"type":"numeric_answer","name":"n","reference":"{{item.s}}","units":"optional","unit":{{{JsonSerializer.Serialize(unit)}}}}""";
                Assert.NotNull(Given.Grader(json).Score($"5 {unit}", """{"s":"5"}"""));
            }
            catch (GraderSpecException fault)
            {
                Assert.Equal("/unit", fault.Pointer);
            }
        }
    }

    [Theory]
    [InlineData("m/s ")]
    [InlineData("m*")]
    [InlineData("m^2 ")]
    [InlineData("5 km ")]
    [InlineData("(")]
    [InlineData("5 ft 3 in ")]
    [InlineData("per ")]
    [InlineData("9")]
    public void Units_MegabyteOfRepetition_TakesLinearTime(string piece)
    {
        var grader = Given.Grader("""{"type":"numeric_answer","name":"n","reference":"{{item.s}}","units":"optional"}""");
        var output = "5 " + new StringBuilder().Insert(0, piece, 1_000_000 / piece.Length);
        var clock = Stopwatch.StartNew();

        var grade = grader.Score(output, """{"s":"5 m"}""");

        Assert.True(grade.Value is 0 or 1 || grade.Reason is not null);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10); // linear work takes some milliseconds, also on a busy machine well under this
    }

    private static string Text(Random random, int pieces) => string.Concat(Enumerable.Range(0, random.Next(0, pieces)).Select(_ => Pieces[random.Next(Pieces.Length)]));

    private static string Number(Random random) => new[] { "0", "1", "-1", "0.5", "1e9", "-1e9", "1e-300", "1e10", "1e999" }[random.Next(random.Next(4) == 0 ? 9 : 4)];

    private static string Schedule(Random random)
    {
        var step = 0;
        var points = Enumerable.Range(0, random.Next(12) == 0 ? random.Next(20) : random.Next(1, 5)).Select(_ => FormattableString.Invariant(
            $$"""{"step":{{(step += random.Next(15) == 0 ? 0 : random.Next(1, 60))}},"factor":{{(random.Next(20) == 0 ? Number(random) : random.Next(-2, 3).ToString(CultureInfo.InvariantCulture))}}}"""));
        return $$"""{"shape":"{{(random.Next(2) == 0 ? "linear" : "hold")}}","points":[{{string.Join(',', points)}}]}""";
    }

    private static string Tree(Random random, int depth, ref int names)
    {
        var name = random.Next(60) == 0 ? "same" : $"g{names++}";
        string Inner(ref int count) => Tree(random, depth + 1, ref count);
        switch (random.Next(depth > random.Next(3, 10) ? 6 : 12))
        {
            case 0:
                return $$$"""{"type":"contains","name":"{{{name}}}","keywords":["km"]}""";
            case 1:
                return $$$"""{"type":"numeric_answer","name":"{{{name}}}","reference":"{{item.s}}","units":"{{{(random.Next(2) == 0 ? "optional" : "required")}}}"}""";
            case 2:
                return $$$"""{"type":"length","name":"{{{name}}}","max":{{{random.Next(0, 5)}}},"falloff":2}""";
            case 3:
                return $$$"""{"type":"relative_model","name":"{{{name}}}","model":"m","input":[{"role":"user","content":"{{sample.output_text}}"}]}"""; // abstains: it is alone
            case 4:
                return $$$"""{"type":"text_similarity","name":"{{{name}}}","input":"{{sample.output_text}}","reference":"{{item.{{{(random.Next(4) == 0 ? "none" : "s")}}}}}","evaluation_metric":"fuzzy_match"}""";
            case 5:
                return $$$"""{"type":"string_check","name":"{{{name}}}","input":"{{sample.output_text}}","reference":"{{item.s}}","operation":"eq"}""";
            case 6:
                return $$$"""{"type":"gate","name":"{{{name}}}","condition":{{{Inner(ref names)}}},"threshold":{{{Number(random)}}},"otherwise":{{{Number(random)}}},"grader":{{{Inner(ref names)}}}}""";
            case 7:
                return $$$"""{"type":"clip","name":"{{{name}}}","min":{{{Number(random)}}},"max":{{{Number(random)}}},"grader":{{{Inner(ref names)}}}}""";
            case 8:
                return $$$"""{"type":"map","name":"{{{name}}}","from_low":{{{Number(random)}}},"from_high":{{{Number(random)}}},"to_high":{{{Number(random)}}},"clamp":{{{(random.Next(2) == 0 ? "true" : "false")}}},"grader":{{{Inner(ref names)}}}}""";
            case 9:
                return $$$"""{"type":"watch","name":"{{{name}}}","grader":{{{Inner(ref names)}}},"watchers":[{{{Inner(ref names)}}},{{{Inner(ref names)}}}]}""";
            case 10:
                return $$$"""{"type":"multi","name":"{{{name}}}","calculate_output":"a * {{{Number(random)}}} + b ^ a","graders":{"a":{{{Inner(ref names)}}},"b":{{{Inner(ref names)}}}}}""";
            default:
                return $$$"""{"type":"weighted_sum","name":"{{{name}}}","graders":[{"weight":{{{Number(random)}}},"schedule":{{{Schedule(random)}}},"grader":{{{Inner(ref names)}}}},{"grader":{{{Inner(ref names)}}}}]}""";
        }
    }
}
