using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using RftService.Grading.Sandbox;

namespace RftService.Grading.Tests.Sandbox;

[Collection(SandboxHere.Collection)]
public sealed class PythonGraderTests(Xunit.Abstractions.ITestOutputHelper output)
{
    public static TheoryData<string> Escapes => [.. PythonEscapes.All.Keys];

    [SandboxTheory]
    [MemberData(nameof(Escapes))]
    public void Escape_IsContainedAndTheNextSampleIsGraded(string name)
    {
        Environment.SetEnvironmentVariable("RFT_SECRET", "a connection string");
        var body = PythonEscapes.All[name].ReplaceLineEndings("\n").Replace("\n", "\n    ", StringComparison.Ordinal);
        var grader = Python($"def attack():\n    {body}\ndef grade(sample, item):\n    return attack() if sample['output_text'] == 'attack' else 1\n", 1.2);

        var attack = grader.Score("attack");
        Assert.True(attack.Value != 7, $"escaped: {attack.Reason}");
        Assert.True(attack.Value is not null || attack.Error is not null, "an attack is no abstention");
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal((1.0, null), (grader.Score("fine").Value, grader.Score("fine").Reason));
        }
    }

    [Fact]
    public void Escapes_AreMoreThanForty() => Assert.InRange(PythonEscapes.All.Count, 41, 1000);

    [SandboxTheory]
    [InlineData("return 0.25", 0.25)]
    [InlineData("return True", 1)]
    [InlineData("return int(item['x']) + len(sample['output_text'])", 9)]
    [InlineData("return sample['output_json']['a']", 0)] // the text is no JSON: TypeError
    [InlineData("return item['none'] is None", 1)]
    [InlineData("return sample['choices'][0]['message']['content'] == sample['output_text']", 1)]
    public void Score_Function_IsAsked(string body, double expected)
    {
        var grade = Python($"def grade(sample, item):\n    {body}").Score("abcd", """{"x":"5","none":null}""");

        Assert.Equal(body.Contains("output_json", StringComparison.Ordinal) ? null : expected, grade.Value);
    }

    [SandboxFact]
    public void Score_JsonCompletion_IsParsed() =>
        Assert.Equal(3, Python("def grade(sample, item): return sample['output_json']['a'][1]").Score("""{"a":[1,3]}""").Value);

    [SandboxFact]
    public void Score_None_Abstains()
    {
        var grade = Python("def grade(sample, item): return {'value': None, 'reason': 'no idea'}").Score("");

        Assert.Equal((null, null, "no idea"), (grade.Value, grade.Error, grade.Reason));
    }

    [SandboxFact]
    public void Score_Info_IsKeptAndWhatIsNestedBecomesText()
    {
        var grade = Python("def grade(sample, item): return {'score': 0.5, 'reason': 'so', 'info': {'steps': 3, 'ok': True, 'who': 'me', 'list': [1], 'huge': 10**400}}").Score("");

        Assert.Equal((0.5, "so"), (grade.Value, grade.Reason));
        Assert.Equal((3, true, "me", "[1]"), (grade.Info["steps"].GetDouble(), grade.Info["ok"].GetBoolean(), grade.Info["who"].GetString(), grade.Info["list"].GetString()));
        Assert.Equal(401, grade.Info["huge"].GetString()!.Length);
    }

    [SandboxTheory]
    [InlineData("raise ValueError('\\ud800')")]
    [InlineData("return {'value': 1, 'reason': '\\ud800', 'parts': {'\\ud800': 1}, 'info': {'\\ud800': '\\ud800'}}")]
    public void Score_HalfASurrogatePair_IsNoFaultOfTheService(string body)
    {
        var grader = Python("def grade(sample, item):\n    if sample['output_text'] == 'fine': return 1\n    " + body);

        Assert.True(grader.Score("x") is { Value: 1 } or { Error: not null });
        Assert.Equal(1, grader.Score("fine").Value);
    }

    [SandboxFact]
    public void Score_Dictionary_HasReasonAndParts()
    {
        var grade = Python("def grade(sample, item): return {'value': 0.5, 'reason': 'half', 'parts': {'a': 1, 'b': 0}}").Score("");

        Assert.Equal((0.5, "half"), (grade.Value, grade.Reason));
        Assert.Equal(new Dictionary<string, double> { ["a"] = 1, ["b"] = 0 }, grade.Parts);
    }

    [SandboxTheory]
    [InlineData("def grade(sample, item): return 1 / 0", GradeError.PythonGraderRuntimeError, "ZeroDivisionError: division by zero")]
    [InlineData("def grade(sample, item): return 'x'", GradeError.PythonGraderRuntimeError, "TypeError: grade returned str, not a number")]
    [InlineData("def grade(sample, item):\n  while True: pass", GradeError.UnresponsiveRewardError, "No answer within 0.5 s.")]
    public void Score_Fault_IsAnErrorAndNeverZero(string source, GradeError error, string reason)
    {
        var grade = Python(source, 0.5).Score("");

        Assert.Equal((null, error, reason), (grade.Value, grade.Error, grade.Reason));
    }

    [SandboxTheory]
    [InlineData("def grade(sample, item) return 1", "SyntaxError")]
    [InlineData("def rate(sample, item): return 1", "no function grade")]
    [InlineData("import no_such_package", "ModuleNotFoundError")]
    [InlineData("raise SystemExit(0)", "SystemExit")]
    [InlineData("grade = 5", "no function grade")]
    public void Create_SourceThatDoesNotLoad_IsRefused(string source, string message)
    {
        var fault = Assert.Throws<GraderSpecException>(() => Python(source));

        Assert.Equal("/source", fault.Pointer);
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    [SandboxFact]
    public async Task Score_HungGrader_StallsNoOther()
    {
        var hung = Python("def grade(sample, item):\n  while True: pass", 3);
        var quick = Python("def grade(sample, item): return 1");
        var hanging = Enumerable.Range(0, 8).Select(_ => hung.ScoreAsync(new GradingInput(Given.Item("{}"), ""), CancellationToken.None).AsTask()).ToArray();
        var clock = Stopwatch.StartNew();

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(1, (await quick.ScoreAsync(new GradingInput(Given.Item("{}"), ""), CancellationToken.None)).Value);
        }

        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 2.5);
        Assert.DoesNotContain(hanging, task => task.IsCompleted && task.Result.Value is not null);
    }

    // Alone on two cores this takes under half a second after warm-up; the bound leaves room for a machine that is shared by other tests.
    [SandboxFact]
    public async Task Score_GroupOfRollouts_TakesSeconds()
    {
        var grader = Python("import re\ndef grade(sample, item):\n    found = re.findall(r'-?[0-9]+', sample['output_text'])\n    return float(bool(found) and found[-1] == item['answer'])");
        var item = Given.Item("""{"answer":"42"}""");
        var text = string.Concat(Enumerable.Repeat("Six times seven is what we want. ", 30));
        var inputs = Enumerable.Range(0, 1024).Select(i => new GradingInput(item, $"{text}{i % 64}")).ToArray();
        Assert.Equal(0, grader.Score(inputs[0]).Value);
        var clock = Stopwatch.StartNew();

        var grades = new double?[inputs.Length];
        await Parallel.ForAsync(0, inputs.Length, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, stop) =>
            grades[i] = (await grader.ScoreAsync(inputs[i], stop)).Value);

        Assert.Equal(16, grades.Count(grade => grade == 1));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 8);
        output.WriteLine(FormattableString.Invariant($"1024 rollouts in {clock.Elapsed.TotalMilliseconds:0} ms"));
    }

    [SandboxFact]
    public async Task Score_Cancelled_EndsSoon()
    {
        var hung = Python("def grade(sample, item):\n  while True: pass", 60);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var clock = Stopwatch.StartNew();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await hung.ScoreAsync(new GradingInput(Given.Item("{}"), ""), stop.Token));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
    }

    [SandboxFact]
    public void Score_HalfSurrogates_ReachNoOne()
    {
        var grader = Python("def grade(sample, item): return len(sample['output_text'])");

        Assert.Equal(3, grader.Score("a\ud800b").Value);
        Assert.Equal(1, grader.Score("a", """{"x":"\ud800"}""").Value);
    }

    [SandboxFact]
    public void Processes_End_WithTheSandbox()
    {
        // Other programs on the machine may have sandboxes of their own.
        int[] Sandboxes() => [.. Process.GetProcessesByName("bwrap").Select(process => process.Id).Where(id => ParentOf(id) == Environment.ProcessId)];
        using var host = new GraderHost();
        var before = Sandboxes();
        var grader = GraderCatalog.Create(Given.Spec("""{"type":"python","name":"g","source":"def grade(s, i): return 1"}"""), host);
        Assert.Equal(1, grader.Score("").Value);
        var mine = Sandboxes().Except(before).ToArray();
        Assert.NotEmpty(mine);

        host.Dispose();
        Assert.True(SpinWait.SpinUntil(() => !Sandboxes().Intersect(mine).Any(), TimeSpan.FromSeconds(10)));
    }

    private static int ParentOf(int id)
    {
        try
        {
            return int.Parse(File.ReadAllText($"/proc/{id}/stat").Split(") ")[^1].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it has ended
        }
    }

    [Fact]
    public void Create_WithoutBubblewrap_IsRefusedWithTheWayToGetIt()
    {
        using var host = new GraderHost(sandbox: new SandboxOptions { Bubblewrap = "/nowhere/bwrap" });
        foreach (var type in new[] { "python", "javascript" })
        {
            var spec = Given.Spec($$"""{"type":"{{type}}","name":"g","source":"def grade(s, i): return 1"}""");
            Assert.Contains("apt-get install bubblewrap", Assert.Throws<GraderSpecException>(() => GraderCatalog.Create(spec, host)).Message, StringComparison.Ordinal);
        }

        Assert.Contains("apt-get install bubblewrap", Assert.Throws<GraderSpecException>(
            () => GraderCatalog.Create(Given.Spec("""{"type":"code_tests","name":"g"}"""), host)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_WithBrokenBubblewrap_IsRefused()
    {
        using var sandbox = new CodeSandbox(new SandboxOptions { Bubblewrap = "/bin/false" });

        Assert.StartsWith("bubblewrap cannot make a sandbox here", sandbox.Refusal, StringComparison.Ordinal);
    }

    private static IGrader Python(string source, double timeout = 10) =>
        Given.Grader(FormattableString.Invariant($$"""{"type":"python","name":"g","timeout_seconds":{{timeout}},"source":{{JsonSerializer.Serialize(source)}}}"""));
}
