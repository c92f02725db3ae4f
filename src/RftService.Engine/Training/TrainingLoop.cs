using System.Diagnostics;
using RftService.Engine.Algorithms;
using RftService.Engine.Checkpoints;
using RftService.Engine.Data;
using RftService.Engine.Health;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Training.Guidance;
using RftService.Engine.Training.Optimizers;
using RftService.Engine.Training.Replay;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>Steps, evaluations and checkpoints of a run from where it stands to its end.</summary>
internal sealed class TrainingLoop(
    RunSpec spec,
    IRunSink sink,
    ICausalLm model,
    IAlgorithm algorithm,
    Optimizer optimizer,
    TrainingStep trainingStep,
    IRolloutSource source,
    PassHistory history,
    ExpertSource? experts,
    IGuidance? guidance,
    IReplay? replay,
    ReferencePolicy reference,
    Evaluation? evaluation,
    CheckpointStore checkpoints,
    TrainerState state)
{
    /// <summary>Updates in a row that may be skipped because they are not finite; one more pauses the run.</summary>
    private const int MaxSkippedInARow = 2;

    /// <summary>Steps in a row that may teach nothing; one more ends the run.</summary>
    private const int MaxQuietInARow = 500;

    private readonly Recipe _recipe = spec.Recipe;
    private readonly HashSet<string> _noticed = [];
    private readonly HealthWatch _health = new(state.Health);
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly double _elapsedBefore = state.ElapsedSeconds;
    private TrainerState _state = state;
    private int _savedStep = state.Step; // that of the checkpoint it goes on from, or 0: an untrained model needs none
    private TrainingException? _unstable; // a fault that the run rests after
    private bool _isWhole = true; // all there is to save is that of the last step

    private double ElapsedSeconds => _elapsedBefore + Stopwatch.GetElapsedTime(_started).TotalSeconds;

    private bool IsDone => Progress >= 1 || history.Remaining == 0;

    /// <summary>Of whichever limit is nearest.</summary>
    private double Progress => Math.Clamp(new[]
    {
        (double)_state.Step / _recipe.Steps ?? 0,
        (double)_state.TokensTrained / _recipe.Budget?.MaxTokens ?? 0,
        _state.ElapsedSeconds / (_recipe.Budget?.MaxMinutes * 60) ?? 0,
    }.Max(), 0, 1);

    /// <summary>Runs to the end.</summary>
    public void Run(RunStop stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Cancel, stop.Abort);
        try
        {
            RunToEnd(stop, either.Token);
        }
        catch (OperationCanceledException) when (stop.Cancel.IsCancellationRequested && _isWhole && _state.Step > _savedStep)
        {
            Save(CheckpointOrigin.Cancelled);
            throw;
        }
    }

    private void RunToEnd(RunStop stop, CancellationToken either)
    {
        source.Position = _state.Cursor;
        if (spec.ResumeFrom is { } checkpoint)
        {
            source.Restore(checkpoint, _state.Step);
        }

        if (experts is not null)
        {
            experts.Position = _state.ExpertCursor;
        }

        sink.Started(_state.Step + 1, _recipe.Steps);
        if (_state.Step == 0 && evaluation is not null)
        {
            using var scope = NewDisposeScope();
            var metrics = new MetricSums();
            var groups = evaluation.Run(metrics, either);
            sink.Step(new StepReport(0, metrics.ToMetrics(), [], groups, Progress: 0));
        }

        while (!IsDone)
        {
            either.ThrowIfCancellationRequested();
            if (_unstable is not null || stop.Pause.IsCancellationRequested)
            {
                Rest();
            }

            using (NewDisposeScope())
            {
                Advance(stop, either);
            }

            // A third of a millisecond. Left alone, the nursery grows to the size of the processor's cache first: resident memory crept up by 17 %.
            GC.Collect(0);
        }
    }

    private void Rest()
    {
        if (_state.Step > _savedStep)
        {
            Save(CheckpointOrigin.Paused);
        }

        throw new RunPausedException(_unstable);
    }

    private void Advance(RunStop stop, CancellationToken either)
    {
        if (_state.Step == algorithm.NewReferenceAfter)
        {
            reference.TakeOver();
        }

        var step = _state.Step + 1;
        var (started, metrics) = (Stopwatch.GetTimestamp(), new MetricSums());
        var groups = source.Next(step, metrics, either);
        var tried = groups;
        if (spec.Kind is DataKind.Prompts or DataKind.Rollouts)
        {
            CreditAssignment.RequireGrades(groups, _recipe.MaxGradeErrorShare, step);
            CreditAssignment.Measure(groups, metrics);
        }

        var sampled = groups.Sum(Sampled);
        if (guidance is not null)
        {
            groups = guidance.Apply(groups, step, metrics, either);
            CreditAssignment.RequireGrades(groups, _recipe.MaxGradeErrorShare, step);
            sampled += groups.SelectMany(group => group.Rollouts).Where(rollout => rollout.Origin == RolloutOrigin.Hinted).Sum(rollout => (long)rollout.Tokens.Count);
        }

        _isWhole = false;
        var passes = spec.Kind == DataKind.Prompts ? history.Add(tried) : [];
        var credited = CreditAssignment.Assign(algorithm, groups, _recipe, step, trainingStep.ReferenceLogProbs, metrics);
        Report(credited.Notices, step);
        var expertRows = experts?.Next(algorithm.ExpertRows(step - 1, credited.MeanReward), metrics) ?? [];
        var next = _state with { Step = step, ExpertCursor = experts?.Position ?? 0 };
        IReadOnlyList<TrainingRow> own = [.. credited.Rows, .. expertRows];
        var batches = replay?.Batches(own, step, trainingStep.Updates, metrics) ?? [.. Enumerable.Repeat(own, trainingStep.Updates)];
        next = credited.HasSignal || expertRows.Count > 0 || batches.Any(rows => rows != own)
            ? Learn([.. batches.Where(rows => rows.Count > 0)], credited.MeanReward, next, metrics, stop.Abort)
            : Pass(next);
        if (spec.Kind == DataKind.Prompts)
        {
            next = next with { TokensSampled = next.TokensSampled + sampled };
            metrics.Set(MetricNames.SamplingThroughput, sampled / metrics[MetricNames.SamplingSeconds]);
        }

        metrics.Set(MetricNames.StepSeconds, Stopwatch.GetElapsedTime(started).TotalSeconds);
        _state = next with { ElapsedSeconds = ElapsedSeconds, MicroBatchTokens = trainingStep.TokenBudget };
        _isWhole = true;
        Finish(credited, passes, metrics, stop, either);
    }

    private static long Sampled(RolloutGroup group) => group.Rollouts.Sum(rollout => (long)rollout.Tokens.Count);

    /// <summary>Each code once, so that a condition which lasts does not fill the log.</summary>
    private void Report(IReadOnlyList<RuleNotice> notices, int step)
    {
        foreach (var notice in notices.Where(notice => _noticed.Add(notice.Code)))
        {
            sink.Notice(new RunNotice(NoticeLevel.Warn, notice.Code, notice.Message, step));
        }
    }

    private TrainerState Learn(
        IReadOnlyList<IReadOnlyList<TrainingRow>> batches, double meanReward, TrainerState next, MetricSums metrics, CancellationToken cancellation)
    {
        var (started, budget) = (Stopwatch.GetTimestamp(), trainingStep.TokenBudget);
        var rate = LearningRateSchedule.Rate(_recipe.Optimizer, next.Step, _recipe.Steps);
        var updates = trainingStep.Run(batches, next.Step - 1, meanReward, rate, metrics, cancellation);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var tokens = batches.Take(updates).Sum(rows => rows.Sum(row => (long)row.Prompt.Count + row.Completion.Count));
        metrics.Set(MetricNames.TrainingSeconds, seconds);
        metrics.Set(MetricNames.TrainingThroughput, tokens / seconds);
        if (trainingStep.TokenBudget < budget)
        {
            sink.Notice(new RunNotice(
                NoticeLevel.Warn,
                "micro_batch_reduced",
                $"Memory ran out with {budget} positions in a micro-batch; the run goes on with {trainingStep.TokenBudget}. The result is the same, only slower.",
                next.Step));
        }

        var whole = updates == batches.Count;
        next = next with
        {
            QuietInARow = 0,
            SkippedInARow = whole ? 0 : next.SkippedInARow + 1,
            PolicyVersion = next.PolicyVersion + updates,
            TokensTrained = next.TokensTrained + tokens,
        };
        return whole ? next : Skip(batches[updates], next, metrics);
    }

    private TrainerState Skip(IReadOnlyList<TrainingRow> rows, TrainerState next, MetricSums metrics)
    {
        var what = $"Loss {metrics[MetricNames.PolicyLoss]}, gradient norm {metrics[MetricNames.GradientNorm]}";
        if (next.SkippedInARow > MaxSkippedInARow)
        {
            var file = NonFiniteBatch.Save(spec.CheckpointFolder, next.Step, rows);
            _unstable = new TrainingException(
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

    private TrainerState Pass(TrainerState next)
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

    private void Finish(CreditedStep credited, IReadOnlyList<RowPasses> passes, MetricSums metrics, RunStop stop, CancellationToken either)
    {
        if (history.Remaining == 0 && Progress < 1)
        {
            sink.Notice(new RunNotice(
                NoticeLevel.Info,
                "all_prompts_retired",
                "The pass rate of every prompt is high enough to leave it out: nothing is left to learn from, and the run ends here.",
                _state.Step));
        }

        var evaluated = evaluation is not null && (IsDone || (_recipe.Evaluation!.Every is { } every && _state.Step % every == 0))
            ? Evaluate(evaluation, metrics, stop, either)
            : [];
        SetTotals(metrics);
        var values = metrics.ToMetrics();
        sink.Step(new StepReport(
            _state.Step, values, spec.Kind is DataKind.Expert or DataKind.Preferences ? [] : credited.Groups, evaluated, Progress)
        {
            Passes = passes,
        });
        foreach (var verdict in _health.Add(values))
        {
            sink.Notice(new RunNotice(NoticeLevel.Warn, verdict.Condition, verdict.Message, _state.Step));
        }

        _state = _state with { Health = _health.History };

        // After the report: a run that dies in between repeats this step, and its report with it.
        if (IsDone || _state.Step % _recipe.CheckpointEvery == 0)
        {
            Save(IsDone ? CheckpointOrigin.Final : CheckpointOrigin.Periodic);
        }
    }

    /// <summary>Nothing when the run is cancelled meanwhile: the step was trained, so it is reported all the same.</summary>
    private static IReadOnlyList<RolloutGroup> Evaluate(Evaluation evaluation, MetricSums metrics, RunStop stop, CancellationToken either)
    {
        try
        {
            var measured = new MetricSums();
            var groups = evaluation.Run(measured, either);
            metrics.Add(measured);
            return groups;
        }
        catch (OperationCanceledException) when (stop.Cancel.IsCancellationRequested)
        {
            return [];
        }
    }

    private void Save(CheckpointOrigin origin)
    {
        var goesOn = origin != CheckpointOrigin.Cancelled; // otherwise what is sampled beside training is dropped with the run
        if (goesOn)
        {
            source.Settle();
        }

        _state = _state with { Cursor = source.Position, Passes = history.Rows, Replay = replay?.State ?? ReplayState.Empty };
        sink.Checkpoint(checkpoints.Save(model, optimizer, _state, origin, folder =>
        {
            reference.Save(folder);
            if (goesOn)
            {
                source.Save(folder, _state.Step);
            }
        }));
        _savedStep = _state.Step;
    }

    private void SetTotals(MetricSums metrics)
    {
        if (spec.Kind != DataKind.Prompts || algorithm.Guidance is HintGuidance || _recipe.Asynchrony is { Lags: true })
        {
            metrics.Remove(MetricNames.SamplerMismatch); // it compares sampler and trainer at the same weights
        }

        metrics.Set(MetricNames.PolicyVersion, _state.PolicyVersion);
        metrics.Set(MetricNames.TokensTrained, _state.TokensTrained);
        if (spec.Kind == DataKind.Prompts)
        {
            metrics.Set(MetricNames.TokensSampled, _state.TokensSampled);
            if (history.RetiredShare is { } share)
            {
                metrics.Set(MetricNames.RetiredShare, share);
            }
        }
    }
}
