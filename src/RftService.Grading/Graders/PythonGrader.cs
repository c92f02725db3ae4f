using System.ComponentModel.DataAnnotations;
using RftService.Grading.Sandbox;

namespace RftService.Grading.Graders;

/// <summary>
/// Grades by a Python function `grade(sample, item) -> float`, in a sandbox without network. The fields are OpenAI's. `sample` holds
/// output_text, output_json (null when the completion is no JSON) and choices; `item` is the row. The function may also return None (no
/// opinion) or {"value": ..., "reason": ..., "parts": {...}, "info": {...}}: sub-rewards, and anything else worth seeing with the completion.
/// An exception, or anything that is no finite number, is an error, never 0. The source runs once when a process starts, which then grades many
/// samples; packages of the machine's own Python can be imported.
/// </summary>
public sealed record PythonSpec : CodeSpec
{
    /// <summary>Read for OpenAI's sake: there is one image here.</summary>
    [StringLength(64)]
    public string? ImageTag { get; init; }
}

/// <summary>Asks a sandboxed Python function.</summary>
internal sealed class PythonGrader(PythonSpec spec, GraderHost host)
    : CodeGrader(spec, host, SandboxLanguage.Python, GradeError.PythonGraderRuntimeError, GradeError.PythonGraderServerError),
        IHostedGrader<PythonGrader, PythonSpec>
{
    public static string TypeName => "python";

    public static string Summary => "Grades by a Python function, in a sandbox.";

    public static PythonGrader Create(PythonSpec spec, GraderHost host) => new(spec, host);
}
