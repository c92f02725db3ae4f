using RftService.Engine.Algorithms;
using RftService.Engine.Checkpoints;

namespace RftService.Engine.Training;

/// <summary>What the outcome of a step means for the run: what its reader is told, and when it must rest or end.</summary>
/// <param name="checkpointFolder">Where a batch that could not be learned from is saved.</param>
/// <param name="sink">Hears the notices.</param>
internal sealed class StepVerdicts(string checkpointFolder, IRunSink sink)
{
    /// <summary>Updates in a row that may be skipped because they are not finite; one more pauses the run.</summary>
    private const int MaxSkippedInARow = 2;

    /// <summary>Steps in a row that may teach nothing; one more ends the run.</summary>
    private const int MaxQuietInARow = 500;

    private readonly HashSet<string> _noticed = [];

    /// <summary>A fault that the run rests after; null: it goes on.</summary>
    public TrainingException? Unstable { get; private set; }

    /// <summary>Each code once, so that a condition which lasts does not fill the log.</summary>
    public void Report(IReadOnlyList<RuleNotice> notices, int step)
    {
        foreach (var notice in notices.Where(notice => _noticed.Add(notice.Code)))
        {
            sink.Notice(new RunNotice(NoticeLevel.Warn, notice.Code, notice.Message, step));
        }
    }

    /// <summary>Memory ran out, and what is learned from at once was made smaller.</summary>
    public void Reduced(int from, int to, int step) => sink.Notice(new RunNotice(
        NoticeLevel.Warn,
        "micro_batch_reduced",
        $"Memory ran out with {from} positions in a micro-batch; the run goes on with {to}. The result is the same, only slower.",
        step));

    /// <summary>An update was not finite and changed no weight; once too often, and the run is unstable.</summary>
    /// <param name="rows">Of the update.</param>
    /// <param name="next">Where the run stands after it.</param>
    /// <param name="metrics">Of the step.</param>
    public TrainerState Skipped(IReadOnlyList<TrainingRow> rows, TrainerState next, MetricSums metrics)
    {
        var what = $"Loss {metrics[MetricNames.PolicyLoss]}, gradient norm {metrics[MetricNames.GradientNorm]}";
        if (next.SkippedInARow > MaxSkippedInARow)
        {
            var file = NonFiniteBatch.Save(checkpointFolder, next.Step, rows);
            Unstable = new TrainingException(
                TrainingFault.NumericalInstability,
                $"Step {next.Step}: {what}; not finite for {next.SkippedInARow} steps in a row. The last batch lies in {file} beside the run's checkpoints.",
                "No weight was changed by these steps. Look at the batch; then resume the run, or submit it anew with a lower optimizer.learning_rate "
                + "or optimizer.max_gradient_norm.");
            return next with { SkippedInARow = 0 }; // once it goes on it has its tries again
        }

        sink.Notice(new RunNotice(
            NoticeLevel.Warn, "update_skipped", $"{what}: not finite, the update was skipped: it changed no weight.", next.Step));
        return next;
    }

    /// <summary>A step had nothing to learn from; once too often, and the run ends.</summary>
    /// <exception cref="TrainingException">It was once too often.</exception>
    public TrainerState Quiet(TrainerState next)
    {
        var quiet = next.QuietInARow + 1;
        if (quiet > MaxQuietInARow)
        {
            // Such a run might never end: a budget of tokens counts what is learned from.
            throw new TrainingException(
                TrainingFault.NoLearningSignal,
                $"Step {next.Step}: nothing to learn for {quiet} steps in a row: no completion had an advantage other than 0.",
                "Try the reward on sampled completions (POST /api/v1/rewards/preview): mix in easier or harder prompts, or grade in finer steps.");
        }

        if (_noticed.Add("no_learning_signal")) // once: how often it comes is a metric
        {
            sink.Notice(new RunNotice(
                NoticeLevel.Warn,
                "no_learning_signal",
                "No completion of this step has an advantage other than 0 (equal rewards within every prompt, or no grades): nothing was learned. "
                + "Mix in easier or harder prompts, raise group_size or the temperature, or grade in finer steps.",
                next.Step));
        }

        return next with { QuietInARow = quiet };
    }
}
