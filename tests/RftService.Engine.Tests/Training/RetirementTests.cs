using RftService.Engine.Algorithms;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Engine.Training;

namespace RftService.Engine.Tests.Training;

public sealed class RetirementTests : IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData(PassWindow.Latest, "F F F T F")]
    [InlineData(PassWindow.All, "F F F F T")]
    public void History_PassRateReached_RetiresTheRow(PassWindow window, string expected)
    {
        var history = new PassHistory(new RetirementSpec { PassRate = 0.75, Window = window }, rowCount: 10);

        // Row 0: 1/2 then 0/1. Row 1: only ungraded ones. Row 2: 2/3. Row 3: 0/4 then 3/4. Row 4: 4/4 then 1/2 = 5/6 together.
        history.Add([Group(0, 1, 0), Group(1, null, null), Group(2, 1, 1, 0), Group(3, 0, 0, 0, 0)]);
        history.Add([Group(0, 0.5), Group(3, 1, 1, 1, 0)]);
        if (window == PassWindow.All)
        {
            history.Add([Group(4, 1, 1, 1, 1)]);
        }

        Assert.Equal(expected, string.Join(' ', Enumerable.Range(0, 5).Select(row => history.IsRetired(row) ? 'T' : 'F')));
        Assert.Equal((9, 0.1), (history.Remaining, history.RetiredShare!.Value));
    }

    [Fact]
    public void History_SameRowTwiceInAStep_IsAddedUpAndSurvivesACheckpoint()
    {
        var history = new PassHistory(new RetirementSpec(), rowCount: 3);

        Assert.Equal([new RowPasses(0, 1, 0), new RowPasses(2, 3, 2)], history.Add([Group(2, 1, 0), Group(0, -1), Group(2, 1)]));
        history.Add([Group(2, 1)]);

        Assert.Equal([new RowHistory(0, 1, 0, 1, 0), new RowHistory(2, 4, 3, 1, 1)], history.Rows);
        var later = new PassHistory(new RetirementSpec(), rowCount: 3) { Rows = history.Rows };
        Assert.True(later.IsRetired(2));
        Assert.Equal(2, later.Remaining);
    }

    [Fact]
    public void Run_SolvedPrompts_AreNotSampledAgain()
    {
        // Rows 0 and 2 always pass; each step takes two of the four rows.
        var sink = _run.Run(Spec(row => row is 0 or 2) with { EvaluationRows = null });

        var sampled = sink.Steps.Select(step => step.Groups.Select(group => group.Row.Index).Order().ToArray()).ToArray();
        Assert.Equal([0, 1, 2, 3], sampled[0].Concat(sampled[1]).Order());
        Assert.All(sampled.Skip(2), rows => Assert.Equal([1, 3], rows));
        Assert.Equal([0.5, 0.5, 0.5], sink.Steps.Skip(1).Select(step => step.Metrics[MetricNames.RetiredShare]));
        Assert.Equal(sampled[0].Select(row => new RowPasses(row, 4, row is 0 or 2 ? 4 : 0)), sink.Steps[0].Passes);
    }

    [Fact]
    public void Run_OnePromptLeft_TakesItOnceAStep()
    {
        var sink = _run.Run(Spec(row => row != 1) with { EvaluationRows = null });

        Assert.All(sink.Steps.Skip(2), step => Assert.Equal([1], step.Groups.Select(group => group.Row.Index)));
    }

    [Fact]
    public void Run_AllPromptsSolved_EndsEarlyAndSaysSo()
    {
        var spec = Spec(_ => true);

        var sink = _run.Run(spec);

        Assert.Equal(2, sink.Steps[^1].Step);
        Assert.Equal(2, sink.Checkpoints[^1].Step);
        Assert.Contains("all_prompts_retired", sink.Notices.Select(notice => notice.Code));
        Assert.Empty(_run.Run(spec with { ResumeFrom = sink.Checkpoints[^1].Folder }).Steps);
    }

    [Fact]
    public void Run_WithoutRetirement_CountsButKeepsAllPrompts()
    {
        var spec = Spec(_ => true);

        var sink = _run.Run(spec with { Recipe = spec.Recipe with { Algorithm = new ScaleRlOptions { Retirement = null } } });

        Assert.Equal(4, sink.Steps[^1].Step);
        Assert.False(sink.Steps[^1].Metrics.ContainsKey(MetricNames.RetiredShare));
        Assert.All(sink.Steps.Where(step => step.Step > 0), step => Assert.Equal(2, step.Passes.Count));
    }

    private RunSpec Spec(Func<int, bool> passes) => _run.Spec(
        TinyRun.Recipe(new ScaleRlOptions()) with { PromptsPerStep = 2 }, grader: new RowGrader(passes));

    private static RolloutGroup Group(int row, params double?[] grades) => new(
        new Row { Index = row, Item = default }, "", [1],
        [.. grades.Select(grade => new Rollout { Tokens = [1], BehaviorLogProbs = [-1], Text = "", Stop = StopReason.Length, Grade = new RolloutGrade(grade) })]);

    private sealed class RowGrader(Func<int, bool> passes) : IRolloutGrader
    {
        public IReadOnlyList<RolloutGrade> Grade(IReadOnlyList<RolloutGroup> groups, int step, CancellationToken cancellation) =>
            [.. groups.SelectMany(group => group.Rollouts.Select(_ => new RolloutGrade(passes(group.Row.Index) ? 1 : 0)))];
    }
}
