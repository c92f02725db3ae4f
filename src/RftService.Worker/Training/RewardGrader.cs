using System.Text.Json;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Grading;

namespace RftService.Worker.Training;

/// <summary>Grades the rollouts of a step with the run's reward, in parallel.</summary>
internal sealed partial class RewardGrader(IGrader grader, ILogger<RewardGrader> logger) : IRolloutGrader
{
    public IReadOnlyList<RolloutGrade> Grade(IReadOnlyList<(Row Row, Rollout Rollout)> rollouts, CancellationToken cancellation)
    {
        var grades = new RolloutGrade[rollouts.Count];
        var options = new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, rollouts.Count, options, index => grades[index] = Grade(rollouts[index].Row, rollouts[index].Rollout));
        return grades;
    }

    /// <summary>snake_case name of an error, as stored with a rollout.</summary>
    public static string CodeOf(GradeError error) => JsonNamingPolicy.SnakeCaseLower.ConvertName(error.ToString());

    private RolloutGrade Grade(Row row, Rollout rollout)
    {
        Grade grade;
        try
        {
            grade = grader.Score(new GradingInput(row.Item, rollout.Text, Truncated: rollout.Stop == StopReason.Length));
        }
#pragma warning disable CA1031 // A grader's fault must cost one grade, never the run: past the recipe's share of errors the trainer ends it.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            LogGraderThrew(logger, fault, row.Index);
            return new RolloutGrade(null, CodeOf(GradeError.OtherError), "The grader failed on this completion.");
        }

        return new RolloutGrade(grade.Value, grade.Error is { } error ? CodeOf(error) : null, grade.Reason, grade.Parts);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The grader threw on a completion of row {Row}")]
    private static partial void LogGraderThrew(ILogger logger, Exception fault, int row);
}
