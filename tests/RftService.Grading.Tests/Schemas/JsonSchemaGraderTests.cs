using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;

namespace RftService.Grading.Tests.Schemas;

public sealed class JsonSchemaGraderTests
{
    /// <summary>400 random schemas and values, with the verdict of Python's jsonschema 4.26 (Draft202012Validator).</summary>
    [Fact]
    public void Score_RandomSchemas_AgreesWithPythonsJsonschema()
    {
        using var file = Assembly.GetExecutingAssembly().GetManifestResourceStream("jsonschema-cases.jsonl")!;
        using var lines = new StreamReader(file);
        var seen = 0;
        while (lines.ReadLine() is { } line)
        {
            var known = Given.Item(line);
            var grade = Grader(known.GetProperty("schema").GetRawText()).Score(known.GetProperty("value").GetRawText());

            Assert.True(grade.Value == (known.GetProperty("valid").GetBoolean() ? 1 : 0), $"{line}: {grade.Reason}");
            seen++;
        }

        Assert.Equal(400, seen);
    }

    [Theory]
    [InlineData("""{"format":"date"}""", "\"2024-02-29\"", 1)]
    [InlineData("""{"format":"date"}""", "\"2023-02-29\"", 0)]
    [InlineData("""{"format":"date-time"}""", "\"2024-01-01T12:00:00.5+01:00\"", 1)]
    [InlineData("""{"format":"date-time"}""", "\"2024-01-01 12:00\"", 0)]
    [InlineData("""{"format":"email"}""", "\"a.b@c.de\"", 1)]
    [InlineData("""{"format":"ipv4"}""", "\"256.1.1.1\"", 0)]
    [InlineData("""{"format":"ipv4"}""", "\"127.0.0.1\"", 1)]
    [InlineData("""{"format":"ipv6"}""", "\"::1\"", 1)]
    [InlineData("""{"format":"uuid"}""", "\"0190a1b2-0000-7000-8000-000000000000\"", 1)]
    [InlineData("""{"format":"uri"}""", "\"no uri\"", 0)]
    [InlineData("""{"type":"integer"}""", "1e400", 0)]
    [InlineData("""{"minimum":0.1}""", "0.1", 1)]
    [InlineData("""{"multipleOf":0.1}""", "0.3", 1)]
    [InlineData("true", "5", 1)]
    [InlineData("false", "5", 0)]
    [InlineData("{}", "{\"a\":1,\"a\":2}", 0)]
    [InlineData("{}", "not json", 0)]
    [InlineData("{}", "", 0)]
    [InlineData("{}", "{\"a\":\"\\ud800\"}", 0)]
    [InlineData("{}", "[1] [2]", 0)]
    public void Score_Value_IsChecked(string schema, string output, double expected) => Assert.Equal(expected, Grader(schema).Score(output).Value);

    [Fact]
    public void Score_Violation_NamesThePlace() =>
        Assert.Equal("/a/0: expected at least 3 characters, found 2", Grader("""{"properties":{"a":{"items":{"minLength":3}}}}""").Score("""{"a":["ab"]}""").Reason);

    [Theory]
    [InlineData("text\n```json\n{\"a\":1}\n```\nmore", 1)]
    [InlineData("```{\"a\":1}```", 1)]
    [InlineData("{\"a\":1}", 1)]
    [InlineData("```json\n{\"b\":1}\n```", 0)]
    [InlineData("```", 0)]
    public void Score_Fence_IsOpened(string output, double expected) =>
        Assert.Equal(expected, Given.Grader("""{"type":"json_schema","name":"g","extract":"fenced","schema":{"type":"object","required":["a"]}}""").Score(output).Value);

    [Theory]
    [InlineData("""{"typ":"object"}""", "/schema/typ")]
    [InlineData("""{"type":"objekt"}""", "/schema/type")]
    [InlineData("""{"properties":{"a":{"minLength":-1}}}""", "/schema/properties/a/minLength")]
    [InlineData("""{"pattern":"("}""", "/schema/pattern")]
    [InlineData("""{"pattern":"(?=a)"}""", "/schema/pattern")]
    [InlineData("""{"$ref":"#/$defs/none"}""", "/schema/$ref")]
    [InlineData("""{"$ref":"https://example.com/x"}""", "/schema/$ref")]
    [InlineData("""{"$ref":"#/title","title":"x"}""", "/schema/$ref")]
    [InlineData("""{"allOf":[]}""", "/schema/allOf")]
    [InlineData("""{"format":"hostname"}""", "/schema/format")]
    [InlineData("""{"title":"\ud800"}""", "/schema")]
    [InlineData("5", "/schema")]
    public void Create_BadSchema_PointsAtIt(string schema, string pointer) => Assert.Equal(pointer, Given.Fault(Json(schema)).Pointer);

    [Fact]
    public void Score_ExplosiveSchemas_EndSoon()
    {
        var doubling = new JsonObject { ["d0"] = new JsonObject { ["type"] = "integer" } };
        for (var i = 1; i <= 40; i++)
        {
            doubling[$"d{i}"] = new JsonObject { ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/$defs/d{i - 1}" }, new JsonObject { ["$ref"] = $"#/$defs/d{i - 1}" }) };
        }

        var clock = Stopwatch.StartNew();
        Assert.Equal(GradeError.UnresponsiveRewardError, Grader(new JsonObject { ["$ref"] = "#/$defs/d40", ["$defs"] = doubling }.ToJsonString()).Score("1").Error);
        Assert.Equal(GradeError.UnresponsiveRewardError, Grader("""{"$ref":"#"}""").Score("1").Error);
        Assert.NotNull(Grader("""{"uniqueItems":true}""").Score("[" + string.Join(',', Enumerable.Range(0, 20_000)) + "]"));
        Assert.NotNull(Grader("""{"pattern":"^(a|aa)+$"}""").Score("\"" + new string('a', 500_000) + "b\"").Value);
        Assert.Equal(0, Grader("{}").Score(new string('[', 100_000)).Value);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20);
    }

    [Fact]
    public void Create_RandomSchemas_MakeOrPointAtAPlace()
    {
        string[] keys = ["type", "properties", "items", "allOf", "not", "$ref", "pattern", "enum", "required", "minimum", "if", "$defs", "const", "contains", "x"];
        var random = new Random(20260240);
        var made = 0;
        for (var i = 0; i < 10_000; i++)
        {
            var schema = RandomJson(random, keys, 0);
            try
            {
                var grader = Grader(schema);
                made++;
                Assert.NotNull(grader.Score(RandomJson(random, keys, 1)));
            }
            catch (GraderSpecException fault)
            {
                Assert.StartsWith("/schema", fault.Pointer, StringComparison.Ordinal);
            }
        }

        Assert.InRange(made, 300, 9_990);
    }

    private static string RandomJson(Random random, string[] keys, int depth)
    {
        string Inner() => RandomJson(random, keys, depth + 1);
        return random.Next(depth > 3 ? 6 : 10) switch
        {
            0 => "1",
            1 => "\"a\"",
            2 => "true",
            3 => "null",
            4 => "{}",
            5 => "\"#\"",
            6 => $"[{Inner()},{Inner()}]",
            _ => "{" + string.Join(',', keys.OrderBy(_ => random.Next()).Take(random.Next(0, 3)).Select(key => $"\"{key}\":{Inner()}")) + "}",
        };
    }

    private static IGrader Grader(string schema) => Given.Grader(Json(schema));

    private static string Json(string schema) => $$"""{"type":"json_schema","name":"g","schema":{{schema}}}""";
}
