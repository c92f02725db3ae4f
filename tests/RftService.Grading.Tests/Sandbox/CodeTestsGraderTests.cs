using System.Text.Json;

namespace RftService.Grading.Tests.Sandbox;

[Collection(SandboxHere.Collection)]
public sealed class CodeTestsGraderTests
{
    private const string Sum = """{"tests":[{"input":"1 2\n","output":"3"},{"input":"4 5","output":"9\n"}]}""";
    private const string Checks = """{"tests":["assert double(2) == 4","assert double('a') == 'aa'"]}""";

    // Programs that want the tests of Sum or Checks passed without solving them, or the next sample harmed.
    private static readonly Dictionary<string, string> Cheats = new()
    {
        ["exit before the checks"] = "import sys; sys.exit(0)",
        ["exit at once"] = "import os; os._exit(0)",
        ["kill the interpreter"] = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        ["stop the interpreter"] = "import os, signal; os.kill(os.getppid(), signal.SIGSTOP)",
        ["kill everything"] = "import os; os.kill(-1, 9)",
        ["read the interpreter's pipes"] = "import os\nfor fd in range(32):\n    os.open('/proc/%d/fd/%d' % (os.getppid(), fd), os.O_WRONLY)",
        ["read the interpreter's memory"] = "import os\nopen('/proc/%d/mem' % os.getppid(), 'rb').read(1)",
        ["write to every file"] = "import os\nfor fd in range(1, 32):\n    try: os.write(fd, b'3')\n    except OSError: pass\nos._exit(0)",
        ["infinite loop"] = "while True: pass",
        ["flood"] = "while True: print('3' * 100000)",
        ["fork bomb"] = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        ["process left behind"] = "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(60)",
        ["fill /tmp"] = "for i in range(64): open('/tmp/%d' % i, 'wb').write(b'x' * 1000000)",
        ["folders in /tmp"] = "import os; os.makedirs('/tmp/a/b/c')",
        ["close every file"] = "import os; os.closerange(0, 32)",
        ["replace builtins"] = "import builtins; builtins.print = builtins.input = builtins.exec = None",
        ["deep recursion"] = "import sys; sys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()",
        ["memory"] = "x = []\nwhile True: x.append(bytearray(1 << 20))",
        ["exception from hell"] = "class E(BaseException):\n    def __str__(self): raise E()\nraise E()",
        ["network"] = "import socket; socket.create_connection(('127.0.0.1', 80), 0.2); print(3)",
        ["nothing"] = "pass",
        ["syntax error"] = "def (",
    };

    public static TheoryData<string> Names => [.. Cheats.Keys];

    [SandboxTheory]
    [MemberData(nameof(Names))]
    public void Cheat_FailsItsTestsAndTheNextSampleIsGraded(string name)
    {
        var grader = Given.Grader("""{"type":"code_tests","name":"g","timeout_seconds":0.5}""");

        Assert.Equal((0.0, null), (grader.Score(Cheats[name], Sum).Value, grader.Score(Cheats[name], Sum).Error));
        Assert.Equal(0, grader.Score(Cheats[name], Checks).Value);
        Assert.Equal("2 tests passed", grader.Score("a, b = map(int, input().split())\nprint(a + b)", Sum).Reason);
        Assert.Equal(1, grader.Score("def double(x): return x + x", Checks).Value);
    }

    [SandboxTheory]
    [InlineData("print(sum(map(int, input().split())))", 1)]
    [InlineData("I think so:\n```python\nprint(sum(map(int, input().split())))\n```\nThat is it.", 1)]
    [InlineData("```\nprint(0)\n```\nBetter:\n```py\nimport sys\nprint(sum(map(int, sys.stdin.read().split())), ' ')\n```", 1)]
    [InlineData("a, b = input().split()\nprint(int(a) + int(b)); exit(0)", 1)]
    [InlineData("import os\nprint(sum(map(int, input().split())), flush=True)\nos._exit(3)", 1)] // it printed what was asked
    [InlineData("print(3)", 0)]
    [InlineData("print(sum(map(int, input().split())) + 1)", 0)]
    [InlineData("", 0)]
    public void Score_Program_IsRun(string output, double expected) =>
        Assert.Equal(expected, Given.Grader("""{"type":"code_tests","name":"g"}""").Score(output, Sum).Value);

    [SandboxFact]
    public void Score_Share_CountsPassedTests()
    {
        var grader = Given.Grader("""{"type":"code_tests","name":"g","mode":"share"}""");

        Assert.Equal((0.5, "test 2: wrong output"), (grader.Score("print(3)", Sum).Value, grader.Score("print(3)", Sum).Reason));
        Assert.Equal(0.5, grader.Score("def double(x): return x * 2 if x == 2 else 0", Checks).Value);
        Assert.Equal(1, grader.Score("print(input())", """{"tests":{"inputs":["a","é😀"],"outputs":["a","é😀"]}}""").Value);
    }

    [SandboxTheory]
    [InlineData("{}")]
    [InlineData("""{"tests":[]}""")]
    [InlineData("""{"tests":"none"}""")]
    [InlineData("""{"tests":[{"input":"1"}]}""")]
    [InlineData("""{"tests":[{"input":"1","output":"2","check":"assert 1"}]}""")]
    [InlineData("""{"tests":[""]}""")]
    [InlineData("""{"tests":{"inputs":["1"],"outputs":[]}}""")]
    public void Tests_Unusable_AreRefusedAndNotGraded(string row)
    {
        var grader = Given.Grader("""{"type":"code_tests","name":"g"}""");

        Assert.Equal("/tests", grader.Reject(Given.Item(row))?.Pointer);
        Assert.NotNull(grader.Score("print(1)", row).Error);
    }

    [SandboxFact]
    public void Create_TestsOfTheCompletion_AreRefused() =>
        Assert.Equal("/tests", Given.Fault("""{"type":"code_tests","name":"g","tests":"{{sample.output_text}}"}""").Pointer);

    [SandboxFact]
    public void Score_ManyTests_FitTheAnswer()
    {
        var tests = Enumerable.Range(0, 100).Select(i => new { input = new string('x', 60_000), output = new string('x', 60_000) });

        Assert.Equal(1, Given.Grader("""{"type":"code_tests","name":"g"}""").Score("print(input())", JsonSerializer.Serialize(new { tests })).Value);
    }
}
