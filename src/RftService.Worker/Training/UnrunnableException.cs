using RftService.Data.Runs;

namespace RftService.Worker.Training;

/// <summary>What the run needs cannot be read here. The client, or who runs the service, can act on it.</summary>
internal sealed class UnrunnableException(RunFailure failure, Exception? inner = null) : Exception(failure.Message, inner)
{
    public RunFailure Failure { get; } = failure;
}
