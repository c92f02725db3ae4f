using RftService.Engine;
using RftService.Engine.Training;

namespace RftService.Quickstart.Pretraining;

/// <summary>Prints the run to the console and remembers its last checkpoint.</summary>
internal sealed class ProgressSink : IRunSink
{
    public string? LastCheckpoint { get; private set; }

    public void Started(int firstStep, int? totalSteps) => Console.WriteLine($"steps {firstStep} to {totalSteps}");

    public void Step(StepReport report)
    {
        if (report.Metrics.TryGetValue(MetricNames.EvaluationRewardMean, out var accuracy))
        {
            Console.WriteLine($"step {report.Step}: {accuracy:P1} of the validation problems right at temperature 1");
        }
        else if (report.Step % 20 == 0)
        {
            Console.WriteLine($"step {report.Step}: loss {report.Metrics.GetValueOrDefault(MetricNames.PolicyLoss):F4}, {report.Progress:P0} done");
        }
    }

    public void Checkpoint(CheckpointReport report) => LastCheckpoint = report.Folder;

    public void Notice(RunNotice notice) => Console.WriteLine($"{notice.Level}: {notice.Message}");
}
