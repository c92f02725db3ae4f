using Microsoft.Extensions.Logging.Abstractions;
using RftService.Engine.Algorithms;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Engine.Training;

namespace RftService.Engine.Tests.Training;

/// <summary>A cancelled run keeps what it has trained.</summary>
public sealed class CancelTests : IDisposable
{
    private static readonly Recipe Sparse = TinyRun.Recipe(new ToprOptions()) with { CheckpointEvery = 1000 };

    private readonly TinyRun _run = new();
    private readonly CancellationTokenSource _cancel = new();

    public void Dispose()
    {
        _run.Dispose();
        _cancel.Dispose();
    }

    [Fact]
    public void Cancel_BetweenCheckpoints_KeepsTheLastStepAsARunWouldHaveIt()
    {
        var whole = _run.Run(_run.Spec(Sparse));
        var sink = new RecordingSink { OnStep = step => CancelAfter(step.Step == 2) };

        Cancelled(sink, _run.Spec(Sparse));

        var kept = Assert.Single(sink.Checkpoints);
        Assert.Equal((2, CheckpointOrigin.Cancelled), (kept.Step, kept.Origin));
        Assert.Equal(whole.Numbers(3), _run.Run(_run.Spec(Sparse) with { ResumeFrom = kept.Folder }).Numbers(3));
    }

    [Fact]
    public void Cancel_WhileGrading_KeepsTheStepBefore()
    {
        var sink = new RecordingSink();

        Cancelled(sink, _run.Spec(Sparse, grader: new CancellingGrader(3, CancelAfter)));

        Assert.Equal([1, 2], sink.Steps.Select(step => step.Step));
        Assert.Equal(2, Assert.Single(sink.Checkpoints).Step);
    }

    [Fact]
    public void Cancel_WhileEvaluating_ReportsTheStepWithoutIt()
    {
        var sink = new RecordingSink();
        var recipe = Sparse with { Evaluation = new() { Every = 2 } };

        // Grades: before the first step, step 1, step 2, after step 2.
        Cancelled(sink, _run.Spec(recipe, grader: new CancellingGrader(4, CancelAfter)));

        Assert.Equal([0, 1, 2], sink.Steps.Select(step => step.Step));
        Assert.Empty(sink.Steps[^1].EvaluationGroups);
        Assert.False(sink.Steps[^1].Metrics.ContainsKey(MetricNames.EvaluationRewardMean));
        Assert.Equal(2, Assert.Single(sink.Checkpoints).Step);
    }

    [Fact]
    public void Cancel_NothingTrainedSinceTheCheckpoint_WritesNone()
    {
        var first = _run.Run(_run.Spec(Sparse with { CheckpointEvery = 1 })).Checkpoints[1];
        _cancel.Cancel();
        var (fresh, resumed) = (new RecordingSink(), new RecordingSink());

        Cancelled(fresh, _run.Spec(Sparse));
        Cancelled(resumed, _run.Spec(Sparse) with { ResumeFrom = first.Folder });

        Assert.Empty(fresh.Checkpoints);
        Assert.Empty(resumed.Checkpoints);
    }

    [Fact]
    public void Pause_BetweenCheckpoints_RestsAndGoesOnAsIfNothingHadBeen()
    {
        var whole = _run.Run(_run.Spec(Sparse));
        var sink = new RecordingSink { OnStep = step => CancelAfter(step.Step == 2) };

        var rest = Assert.Throws<RunPausedException>(() => Trainer.Run(
            _run.Spec(Sparse), sink, NullLogger.Instance, new RunStop(CancellationToken.None, _cancel.Token, CancellationToken.None)));

        Assert.Null(rest.Cause);
        var kept = Assert.Single(sink.Checkpoints);
        Assert.Equal((2, CheckpointOrigin.Paused), (kept.Step, kept.Origin));
        Assert.Equal(whole.Numbers(3), _run.Run(_run.Spec(Sparse) with { ResumeFrom = kept.Folder }).Numbers(3));
    }

    [Fact]
    public void Abort_BetweenCheckpoints_WritesNone()
    {
        var sink = new RecordingSink { OnStep = step => CancelAfter(step.Step == 2) };

        Assert.ThrowsAny<OperationCanceledException>(() => Trainer.Run(_run.Spec(Sparse), sink, NullLogger.Instance, _cancel.Token));

        Assert.Empty(sink.Checkpoints);
    }

    [Fact]
    public void Run_Whole_SaysWhyEachCheckpointWasWritten() => Assert.Equal(
        [CheckpointOrigin.Periodic, CheckpointOrigin.Final],
        _run.Run(_run.Spec(Sparse with { CheckpointEvery = 3 })).Checkpoints.Select(checkpoint => checkpoint.Origin));

    private void Cancelled(RecordingSink sink, RunSpec spec) => Assert.ThrowsAny<OperationCanceledException>(
        () => Trainer.Run(spec, sink, NullLogger.Instance, new RunStop(_cancel.Token, CancellationToken.None, CancellationToken.None)));

    private void CancelAfter(bool now)
    {
        if (now)
        {
            _cancel.Cancel();
        }
    }

    private sealed class CancellingGrader(int call, Action<bool> cancel) : IRolloutGrader
    {
        private readonly LetterGrader _letters = new();
        private int _calls;

        public IReadOnlyList<RolloutGrade> Grade(IReadOnlyList<RolloutGroup> groups, int step, CancellationToken cancellation)
        {
            cancel(++_calls == call);
            cancellation.ThrowIfCancellationRequested();
            return _letters.Grade(groups, step, cancellation);
        }
    }
}
