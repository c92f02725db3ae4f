using System.Text.Json;
using RftService.Data.Runs;
using RftService.Engine;

namespace RftService.Worker.Training;

/// <summary>What a client is told of a fault.</summary>
internal static class RunFailures
{
    public static RunFailure Of(TrainingException fault, bool started) => new(
        JsonNamingPolicy.SnakeCaseLower.ConvertName(fault.Fault.ToString()), Stage(fault.Fault, started), fault.Message, fault.Remedy);

    /// <summary>A fault of the service: its text may hold paths or data, so only the log has it.</summary>
    public static RunFailure Internal(Guid runId, bool started) => new(
        "internal_error",
        started ? "training" : "loading",
        "The run ended by a fault of the service.",
        $"Submit it again; if it ends so again, ask who runs the service to look up run {runId} in the worker's log.");

    private static string Stage(TrainingFault fault, bool started) => fault switch
    {
        TrainingFault.GradingFailed => "grading",
        _ => started ? "training" : "loading",
    };
}
