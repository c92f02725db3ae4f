using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Sandbox;

namespace RftService.Grading.Graders;

/// <summary>
/// Grades by a JavaScript function `grade(sample, item)`, in a sandbox without network. Arguments, results and errors are those of the
/// `python` grader, null or undefined being no opinion. The language is ECMAScript without modules, timers, a console, and code made of text;
/// there is nothing to wait for, so that a promise is an error.
/// </summary>
public sealed record JavaScriptSpec : GraderSpec
{
    /// <summary>The source; runs anew for every sample, so that none sees what another has done to globals and prototypes.</summary>
    [StringLength(262_144, MinimumLength = 1)]
    public required string Source { get; init; }

    /// <summary>Time for one sample; past it the process is killed and the grade is an error.</summary>
    [Range(0.05, 120.0)]
    public double TimeoutSeconds { get; init; } = 10;
}

/// <summary>Asks a sandboxed JavaScript function.</summary>
internal sealed class JavaScriptGrader(CodeGrades grades) : IHostedGrader<JavaScriptGrader, JavaScriptSpec>
{
    public static string TypeName => "javascript";

    public static string Summary => "Grades by a JavaScript function, in a sandbox.";

    public static JavaScriptGrader Create(JavaScriptSpec spec, GraderHost host) =>
        new(CodeGrades.Load(host, SandboxLanguage.JavaScript, spec.Source, spec.TimeoutSeconds));

    public RowFault? Reject(JsonElement item) => null; // only the code knows what it reads

    public ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation) => grades.ScoreAsync(input, cancellation);
}
