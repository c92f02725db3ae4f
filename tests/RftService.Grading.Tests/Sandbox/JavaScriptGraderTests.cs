using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace RftService.Grading.Tests.Sandbox;

[Collection(SandboxHere.Collection)]
public sealed class JavaScriptGraderTests
{
    // Grades what is no attack, and fails when an attack has left anything behind.
    private const string Rest = """
        let count = 0;
        const fresh = () => count === 0 && typeof leaked === 'undefined' && Math.max(1, 2) === 2 && Math.random() < 1 && parseInt('10') === 10
            && [1, 2].map(x => x * 2).join() === '2,4' && [...'ab'].length === 2 && 'a-b'.split('-').length === 2 && JSON.stringify({ a: 1 }) === '{"a":1}'
            && JSON.parse('7') === 7 && ({}).value === undefined && Object.isExtensible(globalThis) && Object.keys({}).length === 0;
        function grade(sample, item) { return attacks[sample.output_text] ? attacks[sample.output_text](sample, item) : fresh() ? 1 : 0 }
        """;

    // All of them in one grader: each runs in the process that the one before has left.
    private static readonly Lazy<IGrader> Hostile = new(() => JavaScript(
        "const attacks = {\n" + string.Join(",\n", JavaScriptEscapes.All.Select(one => $"{JsonSerializer.Serialize(one.Key)}: function attack(sample, item) {{ {one.Value.Body} }}"))
            + "\n};\n" + Rest, 1.2));

    public static TheoryData<string> Escapes => [.. JavaScriptEscapes.All.Keys];

    [SandboxTheory]
    [MemberData(nameof(Escapes))]
    public void Escape_IsContainedAndTheNextSampleIsGraded(string name)
    {
        var ending = JavaScriptEscapes.All[name].Ending;

        var attack = Hostile.Value.Score(name);
        var ended = attack switch
        {
            { Value: { } value } => value.ToString(CultureInfo.InvariantCulture),
            { Error: GradeError.CodeGraderRuntimeError } => JavaScriptEscapes.Fault,
            { Error: GradeError.UnresponsiveRewardError } => JavaScriptEscapes.Late,
            { Error: null } => JavaScriptEscapes.None,
            _ => attack.Error.ToString()!,
        };
        Assert.True(ending == ended || (ending == JavaScriptEscapes.Either && ended is JavaScriptEscapes.Fault or JavaScriptEscapes.Late),
            $"expected {ending}, got {ended}: {attack.Reason}");
        for (var i = 0; i < 2; i++)
        {
            var next = Hostile.Value.Score("fine");
            Assert.True(next.Value == 1, $"the next sample: {next.Value} {next.Error} {next.Reason}");
        }
    }

    [Fact]
    public void Escapes_AreMoreThanSixty() => Assert.InRange(JavaScriptEscapes.All.Count, 60, 1000);

    // 64 levels are what the service takes; what stands around them in a request must not break the reader.
    [SandboxTheory]
    [InlineData(10)]
    [InlineData(60)]
    [InlineData(63)]
    public void Score_DeepCompletion_IsGraded(int levels)
    {
        var text = new string('[', levels) + new string(']', levels);
        var grade = JavaScript("function grade(sample, item) { return sample.output_json === null || item.d.length === 1 ? 1 : 0 }").Score(text, $$"""{"d":{{text}}}""");

        Assert.Equal((1.0, null), (grade.Value, grade.Reason));
    }

    [SandboxFact]
    public void Score_Throws_CostsNoProcess()
    {
        var grader = JavaScript("function grade(sample, item) { throw new TypeError('no ' + sample.output_text) }");
        var clock = Stopwatch.StartNew();

        for (var i = 0; i < 200; i++)
        {
            Assert.Equal($"TypeError: no {i} (line 1)", grader.Score($"{i}").Reason);
        }

        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 8); // a process for each would take 20 s and more
    }

    [SandboxFact]
    public void Score_Object_HasReasonAndParts()
    {
        var scored = JavaScript("function grade(sample, item) { return { value: item.a[1] / 2, reason: sample.choices[0].finish_reason, parts: { p: 1 } } }").Score("x", """{"a":[0,1]}""");
        Assert.Equal((0.5, "stop"), (scored.Value, scored.Reason));
        Assert.Equal(new Dictionary<string, double> { ["p"] = 1 }, scored.Parts);
    }

    [SandboxTheory]
    [InlineData("return null", null, null)]
    [InlineData("return undefined", null, null)]
    [InlineData("return true", 1.0, null)]
    [InlineData("return sample.output_json.n", 4.0, null)]
    [InlineData("return item.none.x", null, GradeError.CodeGraderRuntimeError)]
    public void Score_Result_IsRead(string body, double? value, GradeError? error)
    {
        var grade = JavaScript($"function grade(sample, item) {{ {body} }}").Score("""{"n":4}""");

        Assert.Equal((value, error), (grade.Value, grade.Error));
    }

    [SandboxTheory]
    [InlineData("const grade = null;")]
    [InlineData("function grade( {")]
    [InlineData("throw new Error('no')")]
    public void Create_SourceThatDoesNotLoad_IsRefused(string source) => Assert.Equal("/source", Given.Fault(Json(source, 10)).Pointer);

    [SandboxFact]
    public void Score_Info_IsKept()
    {
        var grade = JavaScript("function grade() { return { score: 0.5, info: { steps: 3, ok: true, who: 'me', none: null, list: [1, 2] } } }").Score("x");

        Assert.Equal(0.5, grade.Value);
        Assert.Equal("""{"steps":3,"ok":true,"who":"me","none":null,"list":"[1,2]"}""", JsonSerializer.Serialize(grade.Info));
    }

    private static IGrader JavaScript(string source, double timeout = 10) => Given.Grader(Json(source, timeout));

    private static string Json(string source, double timeout) =>
        FormattableString.Invariant($$"""{"type":"javascript","name":"g","timeout_seconds":{{timeout}},"source":{{JsonSerializer.Serialize(source)}}}""");
}
