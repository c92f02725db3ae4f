using System.Diagnostics;
using System.Text.Json;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Grading;

namespace RftService.Worker.Training;

/// <summary>Grades the rollouts of a step with the run's reward, in parallel.</summary>
/// <param name="grader">The reward.</param>
/// <param name="logger">Ids only.</param>
/// <param name="spent">
/// Called while it lasts, after every step's grades, and when they are cut short: judges may have cost something, and a crash must not forget it.
/// </param>
internal sealed partial class RewardGrader(IGrader grader, ILogger<RewardGrader> logger, Action? spent = null) : IRolloutGrader
{
    // More than cores: graders that wait for a sandbox or an endpoint must not hold up the others.
    private const int MaxInFlight = 64;

    // What a crash may forget of the spending.
    private static readonly TimeSpan SpentEvery = TimeSpan.FromSeconds(1);

    public bool ComparesCompletions => grader.ComparesCompletions;

    public IReadOnlyList<RolloutGrade> Grade(IReadOnlyList<RolloutGroup> groups, int step, CancellationToken cancellation)
    {
        var work = groups.SelectMany(group => GradingGroup.Join([.. group.Rollouts.Select(rollout =>
            new GradingInput(group.Row.Item, rollout.Text, Truncated: rollout.Stop == StopReason.Length, rollout.Tokens.Count) { Step = step })])
            .Select(input => (group.Row, Input: input))).ToArray();
        var grades = new RolloutGrade[work.Length];
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var options = new ParallelOptions { CancellationToken = ended.Token, MaxDegreeOfParallelism = MaxInFlight };
        var grading = Parallel.ForAsync(
            0, work.Length, options, async (index, stop) => grades[index] = await GradeAsync(work[index].Row, work[index].Input, stop));
        // The training thread has nothing else to do: torch must not be touched from the pool's threads.
        try
        {
            while (Task.WaitAny([grading], SpentEvery) < 0)
            {
                spent?.Invoke();
            }
        }
        finally
        {
            ended.Cancel(); // when the spending could not be stored: nothing more may be spent
            ((IAsyncResult)grading).AsyncWaitHandle.WaitOne();
            spent?.Invoke();
        }

        grading.GetAwaiter().GetResult();
        return grades;
    }

    /// <summary>snake_case name of an error, as stored with a rollout.</summary>
    public static string CodeOf(GradeError error) => JsonNamingPolicy.SnakeCaseLower.ConvertName(error.ToString());

    private async ValueTask<RolloutGrade> GradeAsync(Row row, GradingInput input, CancellationToken cancellation)
    {
        Grade grade;
        var started = Stopwatch.GetTimestamp();
        try
        {
            grade = await grader.ScoreAsync(input, cancellation);
        }
#pragma warning disable CA1031 // A grader's fault must cost one grade, never the run: past the recipe's share of errors the trainer ends it.
        catch (Exception fault) when (!cancellation.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogGraderThrew(logger, fault, row.Index);
            grade = Grading.Grade.Failed(GradeError.OtherError, "The grader failed on this completion.");
        }

        return new RolloutGrade(grade.Value, grade.Error is { } error ? CodeOf(error) : null, grade.Reason, grade.Parts)
        {
            Info = grade.Info,
            Steps = grade.Steps.Count == 0 ? null : [.. grade.Steps.Select(step => new GradedStep(step.Start, step.Length, step.Reward, step.Score))],
            Latency = Stopwatch.GetElapsedTime(started),
        };
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The grader threw on a completion of row {Row}")]
    private static partial void LogGraderThrew(ILogger logger, Exception fault, int row);
}
