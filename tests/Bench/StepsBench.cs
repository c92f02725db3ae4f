using Microsoft.Extensions.Logging.Abstractions;
using RftService.Bench.Replication;
using RftService.Engine;
using RftService.Engine.Algorithms;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Bench;

/// <summary>Live tensors and resident memory over a long run of the real trainer on the quickstart's task; prompts and completions vary in length.</summary>
internal sealed class StepsBench : IRunSink
{
    private readonly List<double> _resident = [];
    private readonly List<long> _tensors = [];

    public static void Run(int count)
    {
        var work = Directory.CreateTempSubdirectory("steps").FullName;
        try
        {
            var task = new WordProblems(Path.GetFullPath("deploy/quickstart/model"), work);
            var sink = new StepsBench();
            Trainer.Run(
                new RunSpec
                {
                    Recipe = new()
                    {
                        Algorithm = new GrpoOptions(),
                        Steps = count,
                        PromptsPerStep = 4,
                        GroupSize = 4,
                        Sampling = new SamplingSpec { MaxTokens = WordProblems.MaxTokens },
                        CheckpointEvery = 500,
                    },
                    ModelFolder = task.ModelFolder,
                    Kind = DataKind.Prompts,
                    Rows = task.Train,
                    Grader = WordProblems.Grader,
                    CheckpointFolder = work,
                },
                sink,
                NullLogger.Instance,
                CancellationToken.None);
            sink.Report();
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    public void Started(int firstStep, int? totalSteps)
    {
    }

    public void Step(StepReport report)
    {
        _resident.Add(Resident.Now);
        _tensors.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        if (report.Step % 200 == 0)
        {
            Console.WriteLine($"step {report.Step}: resident {Measure.Number(_resident[^1] / 1e6, "F0")} MB, {_tensors[^1]} live tensors");
        }
    }

    public void Checkpoint(CheckpointReport report)
    {
    }

    public void Notice(RunNotice notice) => Console.WriteLine($"step {notice.Step}: {notice.Code}");

    private void Report()
    {
        var (after, most) = (_resident.Skip(100).Take(50).Max(), _resident.Skip(100).Max());
        Console.WriteLine(
            $"after step 100: resident {Measure.Number(after / 1e6, "F0")} MB, at most {Measure.Number(100 * ((most / after) - 1))} % above it later; "
            + $"live tensors {_tensors.Skip(2).Min()} to {_tensors.Skip(2).Max()}");
    }
}
