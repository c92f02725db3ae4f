namespace RftService.Grading.Sandbox;

/// <summary>What runs in a sandbox.</summary>
internal enum SandboxLanguage
{
    /// <summary>A Python function over one sample; the process keeps its globals from sample to sample.</summary>
    Python,

    /// <summary>The same in JavaScript.</summary>
    JavaScript,

    /// <summary>Programs that a model wrote: every test in a process of its own, made by fork from a warm interpreter.</summary>
    PythonTests,
}

/// <summary>Code and its limits. Every instance has processes of its own: two graders never share one, even with the same source.</summary>
internal sealed class SandboxProgram(SandboxLanguage language, string source, int longestAnswer, int concurrency)
{
    public SandboxLanguage Language => language;

    /// <summary>The code; empty for tests, whose code comes with each request.</summary>
    public string Source => source;

    /// <summary>Longest answer in bytes; a longer one is a flood.</summary>
    public int LongestAnswer => longestAnswer;

    /// <summary>Turns at the program's processes.</summary>
    public SemaphoreSlim Turns { get; } = new(concurrency);

    /// <summary>Processes that wait for work; guarded by the sandbox's lock.</summary>
    public Stack<SandboxWorker> Idle { get; } = new();
}
