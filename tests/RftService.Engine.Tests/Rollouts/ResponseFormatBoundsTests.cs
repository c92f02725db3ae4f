using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using RftService.Engine.Rollouts.Constraints;
using RftService.Grading;
using RftService.Grading.Graders;

namespace RftService.Engine.Tests.Rollouts;

public sealed partial class ResponseFormatBoundsTests
{
    private static readonly decimal[] Bounds =
        [-1250.5m, -1000, -999.25m, -100, -10.05m, -9, -1, -0.5m, -0.015m, 0, 0.001m, 0.1m, 0.25m, 0.5m, 1, 1.5m, 5, 9.99m, 10, 10.1m, 51, 99, 100, 101.5m, 1000, 1109, 1e14m];

    [Theory]
    [InlineData("integer", "-0159", 5)]
    [InlineData("number", "-.0159", 5)]
    [InlineData("number", "-.0123456789eE+", 3)]
    public void Number_BetweenBounds_IsTakenWhereItLiesBetween(string type, string alphabet, int longest)
    {
        string[] texts = [.. All(alphabet, longest)];
        var shape = type == "integer" ? Whole() : Fraction();
        var random = new Random(7);
        for (var round = 0; round < 60; round++)
        {
            decimal? Pick() => random.Next(4) == 0 ? null : Bounds[random.Next(Bounds.Length)];
            var (least, most, isAbove, isBelow) = (Pick(), Pick(), random.Next(2) == 0, random.Next(2) == 0);
            bool Holds(decimal number) => (least is null || (isAbove ? number > least : number >= least)) && (most is null || (isBelow ? number < most : number <= most));
            if (least is null && most is null)
            {
                continue;
            }

            var schema = $$"""{"type":"{{type}}"{{Keyword("inimum", least, isAbove)}}{{Keyword("aximum", most, isBelow)}}}""";
            if (Automaton(schema) is not { } automaton)
            {
                Assert.DoesNotContain(texts, text => shape.IsMatch(text) && Holds(decimal.Parse(text, CultureInfo.InvariantCulture)));
                continue;
            }

            foreach (var text in texts)
            {
                var expected = shape.IsMatch(text) && Holds(decimal.Parse(text, CultureInfo.InvariantCulture));
                Assert.True(expected == Takes(automaton, text), $"{schema}: {text}");
            }

            for (var walk = 0; walk < 20; walk++)
            {
                var text = Walk(automaton, random);
                Assert.True(shape.IsMatch(text) && Holds(decimal.Parse(text, CultureInfo.InvariantCulture)), $"{schema}: {text}");
                var read = double.Parse(text, CultureInfo.InvariantCulture);
                Assert.True(least is null || (isAbove ? read > (double)least : read >= (double)least), $"{schema}: {text}");
                Assert.True(most is null || (isBelow ? read < (double)most : read <= (double)most), $"{schema}: {text}");
            }
        }
    }

    [Theory]
    [InlineData("integer", "-0125", 5, "5", 0)]
    [InlineData("integer", "-0125", 5, "12", 0)]
    [InlineData("integer", "-0125", 5, "2.5e2", 0)]
    [InlineData("integer", "-0125", 5, "1.5", 0)]
    [InlineData("integer", "-0159", 6, "1000", 0)]
    [InlineData("number", "-.0257", 5, "2.5", 1)]
    [InlineData("number", "-.0257", 5, "0.01", 2)]
    [InlineData("number", "-.0125", 5, "0.125", 3)]
    [InlineData("number", "-.0125", 5, "20", 0)]
    public void Number_MultipleOf_IsTakenWhereItIsOne(string type, string alphabet, int longest, string step, int decimals)
    {
        string[] texts = [.. All(alphabet, longest)];
        var shape = type == "integer" ? Whole() : Fraction();
        var divisor = decimal.Parse(step, NumberStyles.Float, CultureInfo.InvariantCulture);
        var random = new Random(7);
        decimal?[] bounds = [null, -10.05m, 0, 0.5m, 51, 1000];
        foreach (var (least, most) in bounds.SelectMany(least => bounds.Select(most => (least, most))))
        {
            bool Holds(string text) => shape.IsMatch(text) && decimal.Parse(text, CultureInfo.InvariantCulture) is var number && number % divisor == 0
                && !(number < least) && !(number > most) && (text.IndexOf('.') is var point && (point < 0 || text.Length - point - 1 <= decimals));
            var schema = $$"""{"type":"{{type}}","multipleOf":{{step}}{{Keyword("inimum", least, false)}}{{Keyword("aximum", most, false)}}}""";
            var automaton = Automaton(schema);

            Assert.All(texts, text => Assert.True(Holds(text) == (automaton is not null && Takes(automaton, text)), $"{schema}: {text}"));

            for (var walk = 0; walk < 20 && automaton is not null; walk++)
            {
                var text = Walk(automaton, random);
                Assert.True(Holds(text), $"{schema}: {text}");
            }
        }
    }

    [Theory]
    [InlineData(-37, 1204)]
    [InlineData(0, 150)]
    [InlineData(-2000, -3)]
    [InlineData(995, 1005)]
    [InlineData(7, 7)]
    public void Integer_BetweenBounds_EachOneOfThemIsTaken(int least, int most)
    {
        var automaton = Automaton($$"""{"type":"integer","minimum":{{least}},"maximum":{{most}}}""")!;

        Assert.All(Enumerable.Range(-3000, 6000), number => Assert.Equal(
            number >= least && number <= most, Takes(automaton, number.ToString(CultureInfo.InvariantCulture))));
    }

    [Theory]
    [InlineData("^a+b*$")]
    [InlineData("ab")]
    [InlineData("^ab")]
    [InlineData("b$")]
    [InlineData("^(ab|c){1,2}?$")]
    [InlineData("(^a|b$)")]
    [InlineData("^$|^a")]
    [InlineData("^[^ab]*$")]
    [InlineData("^(?:a{2,}|b{0,1}c)$")]
    [InlineData("^(?<name>a?){3}$")]
    [InlineData("^.\\.?[.\\-c-]$")]
    [InlineData("^(a|ab)(c|bcd)?$")]
    [InlineData("(a*)*")]
    [InlineData("a^b")]
    [InlineData("^[\\]\\\\\"]+$")]
    [InlineData("^\\W\\S?$")]
    public void Pattern_OfEachText_IsTakenWhereARegexFindsIt(string pattern)
    {
        var regex = new Regex(pattern, RegexOptions.ECMAScript);
        var automaton = Automaton($$"""{"type":"string","pattern":{{JsonSerializer.Serialize(pattern)}}}""");
        string[] texts = [.. All("abc.-\\\"\t", 4)];

        Assert.All(texts, text => Assert.Equal(regex.IsMatch(text), automaton is not null && Takes(automaton, Plain(text))));
        var random = new Random(3);
        for (var walk = 0; walk < 200 && automaton is not null; walk++)
        {
            var text = Walk(automaton, random);
            Assert.Matches(regex, JsonSerializer.Deserialize<string>(text)!);
        }
    }

    [Theory]
    [InlineData("^[à-ÿ]{2}$", "\"éü\"", "\"ea\"")]
    [InlineData("^\\u{1F600}|\\uD83D\\uDE01$", "\"😀\"", "\"😂\"")]
    [InlineData("^[^a]$", "\"€\"", "\"😀\"")]
    [InlineData("^[ࠀ-𐀀]+$", "\"ࠀ豈𐀀\"", "\"߿\"")]
    [InlineData("^\\x41\\s\\0$", "\"A\\n\\u0000\"", "\"A\n\\u0000\"")]
    [InlineData("x", "\"éx\\ud83d\\ude00\"", "\"\\ud83dx\"")]
    public void Pattern_BeyondAscii_IsOfCharacters(string pattern, string taken, string refused)
    {
        var automaton = Automaton($$"""{"type":"string","pattern":{{JsonSerializer.Serialize(pattern)}}}""")!;

        Assert.True(Takes(automaton, taken));
        Assert.False(Takes(automaton, refused));
    }

    [Fact]
    public void Length_OfAText_CountsCharacters()
    {
        var automaton = Automaton("""{"type":"string","minLength":2,"maxLength":3}""")!;

        Assert.All(["ab", "abc", "é😀", "\\n\\\"\\\\", "\\ud83d\\ude00\\u0041", "€€€"], text => Assert.True(Takes(automaton, $"\"{text}\""), text));
        Assert.All(["", "a", "😀", "abcd", "\\ud83d\\ude00", "\\n\\n\\n\\n"], text => Assert.False(Takes(automaton, $"\"{text}\""), text));
    }

    [Theory]
    [InlineData("date", "2024-02-29 2000-02-29 0001-12-31 1999-01-01", "2023-02-29 1900-02-29 2024-13-01 2024-04-31 0000-01-01")]
    [InlineData("time", "00:00:00Z 23:59:59.123+05:30", "24:00:00Z 10:00:00 10:00Z")]
    [InlineData("date-time", "2024-02-29T12:00:00Z", "2024-02-30T12:00:00Z 2024-02-29")]
    [InlineData("uuid", "019330f2-7c1e-7aa0-9d3e-0123456789AB", "019330f27c1e7aa09d3e0123456789AB")]
    [InlineData("email", "a.b+c@mail.example.org", "a@b a..b@example.org @example.org")]
    [InlineData("ipv4", "0.0.0.0 255.10.99.249", "256.0.0.1 1.2.3 01.2.3.4")]
    public async Task Format_WhatIsWritten_IsWhatTheGraderTakes(string format, string taken, string refused)
    {
        var schema = $$"""{"type":"string","format":"{{format}}"}""";
        var automaton = Automaton(schema)!;
        using var host = new GraderHost();
        var grader = GraderCatalog.Create(new JsonSchemaSpec { Name = "it", Schema = JsonDocument.Parse(schema).RootElement }, host);
        var random = new Random(11);

        Assert.All(taken.Split(' '), text => Assert.True(Takes(automaton, $"\"{text}\""), text));
        Assert.All(refused.Split(' '), text => Assert.False(Takes(automaton, $"\"{text}\""), text));
        for (var walk = 0; walk < 300; walk++)
        {
            var text = Walk(automaton, random);
            var grade = await grader.ScoreAsync(new GradingInput(default, text), CancellationToken.None);
            Assert.True(grade.Value == 1, $"{grade.Reason}: {text}");
        }
    }

    [Fact]
    public void Pattern_BesideFormatAndLength_AllHold()
    {
        var automaton = Automaton("""{"type":"string","pattern":"^19|-02-","format":"date"}""")!;
        var held = Automaton("""{"type":"string","pattern":"^[a-z]+( [a-z]+)*$","minLength":3,"maxLength":6}""")!;
        var random = new Random(5);

        Assert.True(Takes(automaton, "\"1950-07-01\"") && Takes(automaton, "\"2024-02-29\"") && !Takes(automaton, "\"2024-07-01\""));
        Assert.All(Enumerable.Range(0, 200), _ => Assert.Matches("^\"(?=.{3,6}\"$)[a-z]+( [a-z]+)*\"$", Walk(held, random)));
    }

    private static string Keyword(string name, decimal? bound, bool isExclusive) =>
        bound is null ? "" : string.Create(CultureInfo.InvariantCulture, $",\"{(isExclusive ? "exclusiveM" : "m")}{name}\":{bound}");

    private static JsonAutomaton? Automaton(string schema)
    {
        try
        {
            return new JsonAutomaton(SchemaGrammar.Of(JsonDocument.Parse(schema).RootElement));
        }
        catch (SchemaRefusedException fault) when (fault.Message.StartsWith("no ", StringComparison.Ordinal))
        {
            return null;
        }
    }

    private static bool Takes(JsonAutomaton automaton, string text)
    {
        var state = automaton.Start;
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            if (automaton.Next(state, value) is not { } next)
            {
                return false;
            }

            state = next;
        }

        return state.IsComplete;
    }

    // Any way through the automaton, which nowhere ends before an end.
    private static string Walk(JsonAutomaton automaton, Random random)
    {
        var (state, bytes) = (automaton.Start, new List<byte>());
        while (true)
        {
            var ways = Enumerable.Range(0, 256).Where(value => automaton.Next(state, (byte)value) is not null).ToArray();
            if (state.IsComplete && (ways.Length == 0 || random.Next(4) == 0))
            {
                return Encoding.UTF8.GetString([.. bytes]);
            }

            Assert.NotEmpty(ways);
            if (bytes.Count > 40 && ways.Where(value => "\"abx".Contains((char)value)).ToArray() is { Length: > 0 } ending)
            {
                ways = ending.Contains('"') ? ['"'] : ending; // a text that could go on for ever
            }

            bytes.Add((byte)ways[random.Next(ways.Length)]);
            state = automaton.Next(state, bytes[^1])!;
        }
    }

    private static string Plain(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal)}\"";

    private static IEnumerable<string> All(string alphabet, int longest)
    {
        IEnumerable<string> last = [""];
        for (var length = 0; length <= longest; length++)
        {
            foreach (var text in last)
            {
                yield return text;
            }

            last = [.. last.SelectMany(text => alphabet.Select(one => text + one))];
        }
    }

    [GeneratedRegex(@"^(-(?=[1-9])|)(0|[1-9]\d*)\z")]
    private static partial Regex Whole();

    // Zero has no sign.
    [GeneratedRegex(@"^(-(?=.*[1-9])|)(0|[1-9]\d*)(\.\d+)?\z")]
    private static partial Regex Fraction();
}
