using System.Text.Json;

namespace RftService.Grading.Tests;

public sealed class CompositionTests
{
    private const string Cat = """{"type":"contains","name":"cat","keywords":["cat"]}""";
    private const string Short = """{"type":"length","name":"short","max":1,"falloff":4}""";
    private const string Row = """{"type":"string_check","name":"row","input":"{{sample.output_text}}","reference":"{{item.x}}","operation":"eq"}""";

    [Fact]
    public void Watch_WatcherThatFails_IsAbsentAndCostsNothing()
    {
        var grader = Given.Grader("""
            {"type":"watch","name":"g","grader":{"type":"contains","name":"paid","keywords":["a"]},
             "watchers":[{"type":"length","name":"short","max":1},{"type":"numeric_answer","name":"broken","reference":"{{item.none}}"}]}
            """);

        var grade = grader.Score("a b c");

        Assert.Equal(1, grade.Value);
        Assert.Equal(["paid", "short"], grade.Parts.Keys.Order(StringComparer.Ordinal));
        Assert.Null(grader.Reject(Given.Item("{}")));
    }

    [Fact]
    public void Multi_Formula_ReadsGradesByKeyAndReportsThemByName()
    {
        var grade = Given.Grader(Multi($$"""{"a":{{Cat}},"b":{{Short}}}""", "2 * a - b / 2")).Score("a cat");

        Assert.Equal(2 - 0.375, grade.Value); // short: 1 - 1/4
        Assert.Equal(new Dictionary<string, double> { ["cat"] = 1, ["short"] = 0.75 }, grade.Parts);
    }

    [Fact]
    public void Multi_Array_IsKeyedByNameAndWrittenAsAMap()
    {
        var spec = Given.Spec(Multi($"[{Cat},{Short}]", "cat + short"));

        Assert.Equal(1.75, GraderCatalog.Create(spec, Given.Host).Score("a cat").Value);
        Assert.Contains("\"graders\":{\"cat\":{\"type\":\"contains\"", JsonSerializer.Serialize(spec, Given.Json), StringComparison.Ordinal);
    }

    [Fact]
    public void Multi_PartFails_TheWholeFails_UnlessThePartOnlyWatches()
    {
        var used = Given.Grader(Multi($$"""{"cat":{{Cat}},"row":{{Row}}}""", "cat + 0 * row")).Score("cat");
        var watching = Given.Grader(Multi($$"""{"cat":{{Cat}},"row":{{Row}}}""", "cat"));

        Assert.Equal((null, GradeError.InvalidVariableError, "row: item.x has no value."), (used.Value, used.Error, used.Reason));
        Assert.Equal(1, watching.Score("cat").Value);
        Assert.Null(watching.Reject(Given.Item("{}")));
    }

    [Fact]
    public void Multi_DivisionByZero_IsAnErrorAndNotZero()
    {
        var grade = Given.Grader(Multi($$"""{"cat":{{Cat}},"short":{{Short}}}""", "short / cat")).Score("dog");

        Assert.Equal((null, GradeError.FormulaParseError), (grade.Value, grade.Error));
        Assert.Equal(2, grade.Parts.Count);
    }

    [Theory]
    [InlineData($$"""{"cat":{{Cat}}}""", "cat + dog", "/calculate_output", "no grader dog")]
    [InlineData($$"""{"cat":{{Cat}}}""", "1 + 1", "/calculate_output", "constant")]
    [InlineData($$"""{"cat":{{Cat}}}""", "cat +", "/calculate_output", "character 6")]
    [InlineData($$"""{"cat":{{Cat}}}""", "", "/calculate_output", "")]
    [InlineData($$"""{"max":{{Cat}}}""", "1", "/graders/max", "name")]
    [InlineData($$"""{"1a":{{Cat}}}""", "1", "/graders/1a", "name")]
    [InlineData("{}", "1", "/graders", "found 0")]
    [InlineData("""{"a":{"type":"length","name":"l","min":-4}}""", "a", "/graders/a/min", "")]
    [InlineData("""{"a":{"type":"regex","name":"l","pattern":"("}}""", "a", "/graders/a/pattern", "")]
    [InlineData($$"""{"a":{{Cat}},"b":{{Cat}}}""", "a+b", "/graders/b/name", "taken")]
    public void Multi_Malformed_NamesThePlace(string graders, string formula, string pointer, string message)
    {
        var fault = Given.Fault(Multi(graders, formula));

        Assert.Equal(pointer, fault.Pointer);
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData($$"""{"cat":{{Cat}},"cat":{{Cat}}}""")]
    [InlineData($"[{Cat},{Cat}]")]
    [InlineData("""{"cat":null}""")]
    [InlineData("[null]")]
    [InlineData("3")]
    [InlineData("null")]
    public void Multi_UnreadableGraders_AreRefused(string graders) => Assert.ThrowsAny<Exception>(() => Given.Grader(Multi(graders, "cat")));

    [Fact]
    public void Gate_Closed_DoesNotAskBehindIt()
    {
        var gate = Given.Grader($$"""{"type":"gate","name":"g","condition":{{Cat}},"grader":{{Row}},"otherwise":-1}""");

        Assert.Equal(-1, gate.Score("dog").Value);
        Assert.Equal(GradeError.InvalidVariableError, gate.Score("cat").Error);
        Assert.Equal(1, gate.Score("cat", """{"x":"cat"}""").Value);
        Assert.Equal("/x", gate.Reject(Given.Item("{}"))?.Pointer);
    }

    [Fact]
    public void Gate_ConditionFails_IsAnError() =>
        Assert.Equal(GradeError.InvalidVariableError, Given.Grader($$"""{"type":"gate","name":"g","condition":{{Row}},"grader":{{Cat}}}""").Score("cat").Error);

    [Fact]
    public void Gate_Threshold_IsReachedByEquality()
    {
        var gate = Given.Grader($$"""{"type":"gate","name":"g","condition":{{Short}},"threshold":0.75,"grader":{{Cat}}}""");

        Assert.Equal(1, gate.Score("a cat").Value);
        Assert.Equal(0, gate.Score("a small cat").Value);
    }

    [Theory]
    [InlineData("\"min\":0.25", "a b c d e f", 0.25)]
    [InlineData("\"max\":0.5", "a", 0.5)]
    [InlineData("\"min\":0,\"max\":1", "a b", 0.75)]
    public void Clip_Range_Holds(string range, string output, double expected) =>
        Assert.Equal(expected, Given.Grader($$"""{"type":"clip","name":"g",{{range}},"grader":{{Short}}}""").Score(output).Value);

    [Theory]
    [InlineData("\"to_low\":1,\"to_high\":-1", "a b", -0.5)]
    [InlineData("\"from_low\":0.5,\"to_high\":10", "a b", 5)]
    [InlineData("\"from_low\":0.9,\"to_low\":2", "a b", 2)]
    [InlineData("\"from_low\":0.5,\"from_high\":0.6,\"clamp\":false", "a b", 2.5)]
    public void Map_Line_IsFollowed(string options, string output, double expected) =>
        Assert.Equal(expected, Given.Grader($$"""{"type":"map","name":"g",{{options}},"grader":{{Short}}}""").Score(output).Value!.Value, 9);

    [Theory]
    [InlineData("""{"type":"clip","name":"g","grader":{"type":"contains","name":"c","keywords":["a"]}}""", "/min")]
    [InlineData("""{"type":"clip","name":"g","min":2,"max":1,"grader":{"type":"contains","name":"c","keywords":["a"]}}""", "/max")]
    [InlineData("""{"type":"map","name":"g","from_high":0,"grader":{"type":"contains","name":"c","keywords":["a"]}}""", "/from_high")]
    [InlineData("""{"type":"gate","name":"g","condition":{"type":"regex","name":"c","pattern":"("},"grader":{"type":"contains","name":"d","keywords":["a"]}}""", "/condition/pattern")]
    [InlineData("""{"type":"gate","name":"g","condition":{"type":"contains","name":"g","keywords":["a"]},"grader":{"type":"contains","name":"d","keywords":["a"]}}""", "/condition/name")]
    public void Create_Malformed_NamesThePlace(string json, string pointer) => Assert.Equal(pointer, Given.Fault(json).Pointer);

    private static string Multi(string graders, string formula) =>
        $$"""{"type":"multi","name":"m","graders":{{graders}},"calculate_output":{{JsonSerializer.Serialize(formula)}}}""";
}
