using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using RftService.Engine;
using RftService.Engine.Data;
using RftService.Engine.Training;

namespace RftService.Bench.Replication;

/// <summary>Runs an arm with one seed through the real trainer and keeps its metrics.</summary>
internal sealed class ArmRun : IRunSink
{
    /// <summary>Share of held-out answers that do not end in `#### number`.</summary>
    public const string InvalidShare = "evaluation/invalid_share";

    private readonly Dictionary<string, List<StepValue>> _series = [];
    private readonly List<string> _notices = [];

    public static ArmResult Run(Arm arm, int seed, string fingerprint, WordProblems task)
    {
        var work = Directory.CreateTempSubdirectory("replication").FullName;
        var sink = new ArmRun();
        var clock = Stopwatch.StartNew();
        string? failure = null;
        try
        {
            var spec = new RunSpec
            {
                Recipe = arm.Recipe with { Seed = seed },
                ModelFolder = task.ModelFolder,
                Kind = arm.Kind,
                Rows = arm.Kind == DataKind.Rollouts ? task.Logged(seed) : task.Train,
                ExpertRows = !arm.WithExperts ? null : arm.ForeignExperts ? task.ForeignExperts : task.Experts,
                EvaluationRows = task.HeldOut,
                Grader = WordProblems.Grader,
                CheckpointFolder = work,
            };
            Trainer.Run(spec, sink, NullLogger.Instance, CancellationToken.None);
        }
        catch (TrainingException fault)
        {
            failure = $"{fault.Fault}: {fault.Message}"; // a run that collapses may end so: that is a result
        }
        catch (RunPausedException rest)
        {
            failure = $"{rest.Cause?.Fault}: {rest.Message}";
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }

        return new ArmResult
        {
            Arm = arm.Name,
            Seed = seed,
            Fingerprint = fingerprint,
            Seconds = clock.Elapsed.TotalSeconds,
            Failure = failure,
            Notices = sink._notices,
            Series = sink._series.ToDictionary(series => series.Key, series => (IReadOnlyList<StepValue>)series.Value),
        };
    }

    public void Checkpoint(CheckpointReport report)
    {
    }

    public void Started(int firstStep, int? totalSteps)
    {
    }

    public void Step(StepReport report)
    {
        foreach (var (name, value) in report.Metrics)
        {
            Add(name, report.Step, value);
        }

        var answers = report.EvaluationGroups.SelectMany(group => group.Rollouts).ToArray();
        if (answers.Length > 0)
        {
            Add(InvalidShare, report.Step, answers.Count(answer => !WordProblems.EndsInNumber(answer.Text)) / (double)answers.Length);
        }
    }


    public void Notice(RunNotice notice) =>
        _notices.Add(string.Create(CultureInfo.InvariantCulture, $"step {notice.Step}: {notice.Code}"));

    private void Add(string name, int step, double value)
    {
        if (!_series.TryGetValue(name, out var series))
        {
            _series[name] = series = [];
        }

        series.Add(new StepValue(step, value));
    }
}
