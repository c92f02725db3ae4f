using System.Diagnostics;
using RftService.Engine.Algorithms;
using RftService.Engine.Checkpoints;
using RftService.Engine.Data;
using RftService.Engine.Health;
using RftService.Engine.Models;
using RftService.Engine.Native;
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
    private const int StepsBetweenCleanings = 50;

    private readonly Recipe _recipe = spec.Recipe;
    private readonly StepVerdicts _verdicts = new(spec.CheckpointFolder, sink);
    private readonly HealthWatch _health = new(state.Health);
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly double _elapsedBefore = state.ElapsedSeconds;
    private TrainerState _state = state;
    private int _savedStep = state.Step; // that of the checkpoint it goes on from, or 0: an untrained model needs none
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
            if (_verdicts.Unstable is not null || stop.Pause.IsCancellationRequested)
            {
                Rest();
            }

            using (NewDisposeScope())
            {
                Advance(stop, either);
            }

            // A third of a millisecond. Left alone, the nursery grows to the size of the processor's cache first: resident memory crept up by 17 %.
            GC.Collect(0);
            if (_state.Step % StepsBetweenCleanings == 0)
            {
                GC.Collect();
                Heap.ReturnFreed(); // batches of ever new lengths leave gaps between what lives: another 7 % over two thousand steps
            }
        }
    }

    private void Rest()
    {
        if (_state.Step > _savedStep)
        {
            Save(CheckpointOrigin.Paused);
        }

        throw new RunPausedException(_verdicts.Unstable);
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
        _verdicts.Report(credited.Notices, step);
        var expertRows = experts?.Next(algorithm.ExpertRows(step - 1, credited.MeanReward), metrics) ?? [];
        var next = _state with { Step = step, ExpertCursor = experts?.Position ?? 0 };
        IReadOnlyList<TrainingRow> own = [.. credited.Rows, .. expertRows];
        var batches = replay?.Batches(own, step, trainingStep.Updates, metrics) ?? [.. Enumerable.Repeat(own, trainingStep.Updates)];
        next = credited.HasSignal || expertRows.Count > 0 || batches.Any(rows => rows != own)
            ? Learn([.. batches.Where(rows => rows.Count > 0)], credited.MeanReward, next, metrics, stop.Abort)
            : _verdicts.Quiet(next);
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
            _verdicts.Reduced(budget, trainingStep.TokenBudget, next.Step);
        }

        var whole = updates == batches.Count;
        next = next with
        {
            QuietInARow = 0,
            SkippedInARow = whole ? 0 : next.SkippedInARow + 1,
            PolicyVersion = next.PolicyVersion + updates,
            TokensTrained = next.TokensTrained + tokens,
        };
        return whole ? next : _verdicts.Skipped(batches[updates], next, metrics);
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
