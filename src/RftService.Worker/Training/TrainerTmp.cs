using RftService.Engine;

namespace RftService.Worker.Training;
internal static class Trainer
{
    public static void Run(RunSpec spec, IRunSink sink, ILogger logger, CancellationToken cancellation) => throw new NotImplementedException();
}
