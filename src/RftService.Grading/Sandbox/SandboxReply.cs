using System.Text.Json;

namespace RftService.Grading.Sandbox;

/// <summary>How a request to a sandbox ended.</summary>
internal enum SandboxEnd
{
    /// <summary>With an answer.</summary>
    Answered,

    /// <summary>The code itself could not be loaded, as for a syntax error.</summary>
    Unloadable,

    /// <summary>Time ran out; the process was killed.</summary>
    TimedOut,

    /// <summary>The process ended, or broke the protocol.</summary>
    Died,

    /// <summary>The answer was too long; the process was killed.</summary>
    Flooded,

    /// <summary>No process could be started.</summary>
    NotStarted,
}

/// <summary>An answer, or why there is none.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Body">The answer's JSON object.</param>
/// <param name="Message">Plain words when there is no answer.</param>
internal sealed record SandboxReply(SandboxEnd End, JsonElement Body, string Message = "")
{
    public static SandboxReply Without(SandboxEnd end, string message) => new(end, default, message);
}
