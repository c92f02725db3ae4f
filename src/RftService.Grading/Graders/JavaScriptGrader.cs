using RftService.Grading.Sandbox;

namespace RftService.Grading.Graders;

/// <summary>
/// Grades by a JavaScript function `grade(sample, item)`, in a sandbox without network. Arguments, results and errors are those of the
/// `python` grader, null or undefined being no opinion. The language is ECMAScript without modules, timers, a console, and code made of text;
/// there is nothing to wait for, so that a promise is an error. The source runs anew for every sample, so that none sees what another has done
/// to globals and prototypes.
/// </summary>
public sealed record JavaScriptSpec : CodeSpec;

/// <summary>Asks a sandboxed JavaScript function.</summary>
internal sealed class JavaScriptGrader(JavaScriptSpec spec, GraderHost host)
    : CodeGrader(spec, host, SandboxLanguage.JavaScript, GradeError.CodeGraderRuntimeError, GradeError.CodeGraderServerError),
        IHostedGrader<JavaScriptGrader, JavaScriptSpec>
{
    public static string TypeName => "javascript";

    public static string Summary => "Grades by a JavaScript function, in a sandbox.";

    public static JavaScriptGrader Create(JavaScriptSpec spec, GraderHost host) => new(spec, host);
}
