using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Grading;
using RftService.Worker.Queue;
using RftService.Worker.Training;

namespace RftService.Worker.Tests.Training;

public sealed class RewardGraderTests
{
    [Fact]
    public void Grade_ManyRollouts_KeepsTheirOrderAndCutsNoError()
    {
        var grader = new RewardGrader(new LengthOrThrow(), NullLogger<RewardGrader>.Instance);
        var row = new Row { Index = 0, Item = JsonDocument.Parse("{}").RootElement };
        var rollouts = Enumerable.Range(0, 200)
            .Select(i => new Rollout { Tokens = [], BehaviorLogProbs = [], Text = new string('x', i), Stop = StopReason.Length })
            .ToList();

        var grades = grader.Grade([new RolloutGroup(row, "", [], rollouts[..50]), new RolloutGroup(row, "", [], rollouts[50..])], 0, CancellationToken.None);

        Assert.Equal("invalid_variable_error", grades[1].ErrorCode);
        Assert.Equal(("other_error", null), (grades[2].ErrorCode, grades[2].Value)); // an error is never 0
        Assert.Equal((null, null, "no opinion"), (grades[3].ErrorCode, grades[3].Value, grades[3].Reason));
        Assert.Equal(Enumerable.Range(4, 196).Select(i => (double?)i), grades.Skip(4).Select(grade => grade.Value));
        Assert.All(grades, grade => Assert.True(grade.Latency > TimeSpan.Zero));
    }

    [Fact]
    public void Grade_LongCall_TellsTheSpendingMeanwhile()
    {
        var told = new TaskCompletionSource();
        var grader = new RewardGrader(new Waiting(told.Task), NullLogger<RewardGrader>.Instance, () => told.TrySetResult());

        Assert.Equal(1, Assert.Single(grader.Grade([Group("x")], 0, CancellationToken.None)).Value); // or it would wait for ever
    }

    [Fact]
    public void Grade_SpendingThatCannotBeStored_EndsTheCall()
    {
        var grader = new RewardGrader(
            new Waiting(Task.Delay(Timeout.Infinite)), NullLogger<RewardGrader>.Instance, () => throw new LeaseLostException(Guid.Empty, 1));

        Assert.Throws<LeaseLostException>(() => grader.Grade([Group("x", "y")], 0, CancellationToken.None));
    }

    private static RolloutGroup Group(params string[] texts) => new(
        new Row { Index = 0, Item = JsonDocument.Parse("{}").RootElement }, "", [],
        [.. texts.Select(text => new Rollout { Tokens = [], BehaviorLogProbs = [], Text = text, Stop = StopReason.EndOfText })]);

    private sealed class Waiting(Task signal) : IGrader
    {
        public RowFault? Reject(JsonElement item) => null;

        public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
        {
            await signal.WaitAsync(cancellation);
            return Grade.Of(1);
        }
    }

    private sealed class LengthOrThrow : IGrader
    {
        public RowFault? Reject(JsonElement item) => null;

        public ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation) => ValueTask.FromResult(Score(input));

        private static Grade Score(GradingInput input) => (input.OutputText.Length, input.Truncated) switch
        {
            (1, true) => Grade.Failed(GradeError.InvalidVariableError, "no such field"),
            (2, true) => throw new InvalidOperationException("broken"),
            (3, true) => Grade.Abstain("no opinion"),
            (var length, true) => Grade.Of(length),
            _ => throw new InvalidOperationException("must be truncated"),
        };
    }
}
