using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Composition;

namespace RftService.Grading.Graders;

/// <summary>Grades by one grader while others only watch: their grades are reported, never paid, and their failures do not matter.</summary>
public sealed record WatchSpec : GraderSpec
{
    /// <summary>The grader that is paid.</summary>
    public required GraderSpec Grader { get; init; }

    /// <summary>1 to 8 graders that only watch, best of another kind than the paid one: what is not optimised tells when the reward is being gamed.</summary>
    [Length(1, 8)]
    public required IReadOnlyList<GraderSpec> Watchers { get; init; }
}

/// <summary>Grades by its main grader and reports the others.</summary>
internal sealed class WatchGrader(string name, IGrader paid, IReadOnlyList<(string Name, IGrader Grader)> watchers) : IHostedGrader<WatchGrader, WatchSpec>
{
    public static string TypeName => "watch";

    public static string Summary => "Pays one grader and lets others only watch, to see whether the reward is being gamed.";

    public static WatchGrader Create(WatchSpec spec, GraderHost host) => new(
        spec.Grader.Name,
        host.CreatePart(spec.Grader, "/grader"),
        [.. spec.Watchers.Select((watcher, i) => (watcher.Name, host.CreatePart(watcher, $"/watchers/{i}")))]);

    public bool ComparesCompletions => paid.ComparesCompletions || watchers.Any(watcher => watcher.Grader.ComparesCompletions);

    // A row that only a watcher cannot grade is no reason to refuse a run.
    public RowFault? Reject(JsonElement item) => paid.Reject(item) is { } fault ? fault with { Message = $"{name}: {fault.Message}" } : null;

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var watching = watchers.Select(watcher => watcher.Grader.ScoreAsync(input, cancellation).AsTask()).ToArray();
        var grade = await paid.ScoreAsync(input, cancellation);
        var grades = new PartGrades();
        grades.Add(name, grade, share: 1);
        foreach (var ((watcher, _), seen) in watchers.Zip(await Task.WhenAll(watching)))
        {
            grades.Add(watcher, seen, onlyWatches: true);
        }

        return grades.Conclude(grade.Value ?? 0, grade.Reason);
    }
}
