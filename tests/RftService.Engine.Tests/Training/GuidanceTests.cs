using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;
using RftService.Engine.Training;

namespace RftService.Engine.Tests.Training;

public sealed class GuidanceTests : IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Ampo_FailedGroups_AreHelpedByTheirTeachersAlone()
    {
        // Prompt "ab" has two teachers, "the" none; the policy passes on "xyz" alone.
        var sink = _run.Run(Spec(new AmpoOptions(), [("ab", "good"), ("ab", "best"), ("xyz", "unused")], row => row == 2));

        Assert.All(sink.Steps.Where(step => step.Step > 0), step =>
        {
            var origins = step.Groups.ToDictionary(group => group.Row.Index, group => string.Join(' ', group.Rollouts.Select(rollout => rollout.Origin)));
            Assert.Equal("Policy Policy Expert Expert", origins[0]);
            Assert.Equal("Policy Policy Policy Policy", origins[1]);
            Assert.Equal("Policy Policy Policy Policy", origins[2]);
            var helped = step.Groups.Single(group => group.Row.Index == 0).Rollouts.Select(rollout => Math.Round(rollout.Advantage!.Value, 3));
            Assert.Equal([-0.866, -0.866, 0.866, 0.866], helped); // of rewards 0, 0, 1, 1 with G − 1
            Assert.Equal((2 / 3.0, 0.5), (step.Metrics[MetricNames.GuidanceFailedShare], step.Metrics[MetricNames.GuidanceHelpedShare]));
            Assert.Equal(1 / 3.0, step.Metrics[MetricNames.RewardMean], 1e-9); // of the policy alone
            Assert.Equal(0, step.Metrics[MetricNames.SamplerMismatch], 1e-4);
            Assert.Equal(step.Metrics["loss/policy"] + step.Metrics["loss/teacher"], step.Metrics[MetricNames.PolicyLoss], 1e-5);
        });
        Assert.True(sink.Metric(4, "expert/probability_mean") > sink.Metric(1, "expert/probability_mean"));
    }

    [Fact]
    public void Ampo_MoreTeachersThanPlaces_TakesTheOneThatIsUnderstoodBest()
    {
        // After a few steps of imitation the policy knows "aaaa"; the other teacher is a stranger to it.
        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new SftOptions()) with { Steps = 10 }, DataKind.Expert, [Expert(0, "ab", "aaaa")]));
        var folder = sink.Checkpoints[^1].Folder;
        var spec = Spec(new AmpoOptions { TeacherPlaces = 1 }, [("ab", "zq#%"), ("ab", "aaaa")], _ => false) with { ModelFolder = folder };

        var chosen = _run.Run(spec with { Recipe = spec.Recipe with { Steps = 1 } }).Steps[^1].Groups.Single(group => group.Row.Index == 0).Rollouts[^1];

        Assert.Equal("aaaa", chosen.Text);
    }

    [Fact]
    public void Ampo_AnswerMark_ComparesWhatComesAfterIt()
    {
        // Both end alike but for the reasoning: by the whole completion the known one is likelier, by the answer they are near.
        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new SftOptions()) with { Steps = 10 }, DataKind.Expert, [Expert(0, "ab", "aaaa")]));
        var folder = sink.Checkpoints[^1].Folder;
        string Chosen(string? mark)
        {
            var spec = Spec(new AmpoOptions { TeacherPlaces = 1, AnswerAfter = mark }, [("ab", "aaaa=zq#%zq"), ("ab", "zq#%=aaaaaa")], _ => false) with { ModelFolder = folder };
            return _run.Run(spec with { Recipe = spec.Recipe with { Steps = 1 } }).Steps[^1].Groups.Single(group => group.Row.Index == 0).Rollouts[^1].Text;
        }

        Assert.Equal("zq#%=aaaaaa", Chosen("="));
    }

    [Fact]
    public void Guide_FailedGroups_AreSampledAgainWithTheHint()
    {
        var sink = _run.Run(Spec(new GuideOptions { HintedCompletions = 3 }, [], row => row == 2, passHinted: true));

        Assert.All(sink.Steps.Where(step => step.Step > 0), step => Assert.All(step.Groups, group =>
        {
            Assert.Equal(group.Row.Index == 2 ? 0 : 3, group.Rollouts.Count(rollout => rollout.Origin == RolloutOrigin.Hinted));
            Assert.DoesNotContain("clue", group.PromptText, StringComparison.Ordinal); // what is trained on
        }));
        Assert.Equal((2 / 3.0, 1), (sink.Metric(1, MetricNames.GuidanceFailedShare), sink.Metric(1, MetricNames.GuidanceHelpedShare)));
        Assert.True(Math.Abs(sink.Metric(1, MetricNames.PolicyApproxKl)) > 1e-4); // the hint makes another policy of it
        Assert.False(sink.Steps[^1].Metrics.ContainsKey(MetricNames.SamplerMismatch));
        Assert.Equal((3 * 4 * 8) + (2 * 3 * 8), sink.Metric(1, MetricNames.TokensSampled)); // the random model never ends its text
    }

    [Fact]
    public void Ampo_GraderThatCompares_SeesTheMixedGroup()
    {
        var grader = new RankGrader();

        var sink = _run.Run(Spec(new AmpoOptions { PassAbove = 0.5 }, [("ab", "good"), ("ab", "best")], grader));

        Assert.All(sink.Steps, step =>
        {
            // A half for its twin, nothing against two teachers: 0.5 / 3; a teacher beats two and ties with one: 2.5 / 3.
            var helped = step.Groups.Single(group => group.Row.Index == 0).Rollouts;
            Assert.Equal([1 / 6.0, 1 / 6.0, 5 / 6.0, 5 / 6.0], helped.Select(rollout => Math.Round(rollout.Grade!.Value!.Value, 9)), new Near());
            Assert.Equal([-0.866, -0.866, 0.866, 0.866], helped.Select(rollout => Math.Round(rollout.Advantage!.Value, 3)));
            Assert.All(step.Groups.Where(group => group.Row.Index != 0).SelectMany(group => group.Rollouts), rollout => Assert.Equal(0.5, rollout.Grade!.Value));
            Assert.Equal(0.5, step.Metrics[MetricNames.RewardMean], 1e-9); // of the policy alone
        });
        Assert.All(grader.Groups, group => Assert.Equal(4, group.Count));
        Assert.Equal(4 * 4, grader.Groups.Count); // three groups a step, and the mixed one once more
    }

    [Fact]
    public void Guide_GraderThatCompares_SeesTheMixedGroup()
    {
        var sink = _run.Run(Spec(new GuideOptions { PassAbove = 0.5, HintedCompletions = 3 }, [], new RankGrader()));

        Assert.All(sink.Steps.SelectMany(step => step.Groups), group => Assert.Equal(
            [0.25, 0.25, 0.25, 0.25, 5 / 6.0, 5 / 6.0, 5 / 6.0], group.Rollouts.Select(rollout => rollout.Grade!.Value!.Value), new Near())); // (3/2) / 6, (4 + 2/2) / 6
        Assert.Equal(1, sink.Metric(1, MetricNames.GuidanceHelpedShare));
    }

    [Fact]
    public void Ampo_TeachersThatCannotBeGraded_CountAgainstTheShareOfErrors()
    {
        var spec = Spec(new AmpoOptions(), [("ab", "good"), ("ab", "best")], new OriginGrader(_ => false, false, expert: new RolloutGrade(null, "sample_parse_error")));

        var fault = Assert.Throws<TrainingException>(() => _run.Run(spec with { Recipe = spec.Recipe with { MaxGradeErrorShare = 0.1 } }));

        Assert.Equal(TrainingFault.GradingFailed, fault.Fault);
        Assert.Contains("2 of 12 grades were errors (sample_parse_error 2 times)", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Guide_RowWithoutHint_IsRefused()
    {
        Row[] plain = [.. TinyRun.Prompts("ab").Select(row => row with { Item = default })];
        var spec = _run.Spec(TinyRun.Recipe(new GuideOptions()), rows: plain, grader: new LetterGrader(_ => new RolloutGrade(0)));

        Assert.Equal(TrainingFault.RowUnusable, Assert.Throws<TrainingException>(() => _run.Run(spec)).Fault);
    }

    [Fact]
    public void TempSamp_EveryGroup_HasTheTruthAsOneMore()
    {
        var sink = _run.Run(Spec(new TempSampOptions(), [("ab", "one"), ("ab", "two"), ("xyz", "three")], row => row == 2));

        Assert.Equal(["one", "two", "one", "two"], sink.Steps.Select(step => step.Groups.Single(group => group.Row.Index == 0).Rollouts[^1].Text));
        Assert.All(sink.Steps, step =>
        {
            Assert.Equal([5, 4, 5], step.Groups.OrderBy(group => group.Row.Index).Select(group => group.Rollouts.Count));
            Assert.Equal(1, step.Metrics[MetricNames.RatioMean], 1e-4);
            Assert.Equal(2 / 3.0, step.Metrics[MetricNames.GuidanceHelpedShare], 1e-9);
        });
    }

    [Theory]
    [InlineData(1, 0.801823)] // 0.8 + 0.01 · ln 1.2
    [InlineData(0.8, 0.8)]
    [InlineData(0, 0.086764)] // 0.8 − (e^0.8 − 1) / (e − 1)
    public void SoftReward_Values_FollowTheFormula(double reward, double expected) => Assert.Equal(expected, new SoftReward().Of(reward), 1e-6);

    [Theory]
    [InlineData("ampo")]
    [InlineData("guide")]
    [InlineData("temp-samp")]
    public void Resume_GuidedRun_EndsBitIdentical(string name)
    {
        var options = AlgorithmCatalog.All.Single(entry => entry.Name == name).Defaults;
        var spec = Spec(options, [("ab", "one"), ("the", "two")], row => row == 2);
        var whole = _run.Run(spec);
        var expected = File.ReadAllBytes(Path.Combine(_run.Checkpoint(4), "model.safetensors"));

        var resumed = _run.Run(spec with { ResumeFrom = _run.Checkpoint(2) });

        Assert.Equal(whole.Numbers(3), resumed.Numbers(3));
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(_run.Checkpoint(4), "model.safetensors")));
    }

    private RunSpec Spec(AlgorithmOptions options, (string Prompt, string Completion)[] experts, Func<int, bool> passes, bool passHinted = false) =>
        Spec(options, experts, new OriginGrader(passes, passHinted));

    private RunSpec Spec(AlgorithmOptions options, (string Prompt, string Completion)[] experts, IRolloutGrader grader) =>
        _run.Spec(TinyRun.Recipe(options), rows: TinyRun.Prompts("ab", "the", "xyz"), grader: grader) with
        {
            EvaluationRows = null,
            ExpertRows = experts.Length == 0 ? null : new Rows([.. experts.Select((expert, i) => Expert(i, expert.Prompt, expert.Completion))]),
        };

    private static Row Expert(int index, string prompt, string completion) => new() { Index = index, Item = default, Prompt = prompt, Completion = completion };

    /// <summary>Passes experts, hinted completions perhaps, and the policy on some rows.</summary>
    private sealed class OriginGrader(Func<int, bool> passes, bool passHinted, RolloutGrade? expert = null) : IRolloutGrader
    {
        public IReadOnlyList<RolloutGrade> Grade(IReadOnlyList<RolloutGroup> groups, int step, CancellationToken cancellation) =>
            [.. groups.SelectMany(group => group.Rollouts.Select(rollout => (group.Row, Rollout: rollout))).Select(pair => pair.Rollout.Origin switch
            {
                RolloutOrigin.Expert => expert ?? new RolloutGrade(1),
                RolloutOrigin.Hinted => new RolloutGrade(passHinted ? 1 : 0),
                _ => new RolloutGrade(passes(pair.Row.Index) ? 1 : 0),
            })];
    }

    /// <summary>The share of the others in the group that a completion beats: help beats the policy, and who is of one kind ties.</summary>
    private sealed class RankGrader : IRolloutGrader
    {
        public bool ComparesCompletions => true;

        public List<IReadOnlyList<Rollout>> Groups { get; } = [];

        public IReadOnlyList<RolloutGrade> Grade(IReadOnlyList<RolloutGroup> groups, int step, CancellationToken cancellation)
        {
            Groups.AddRange(groups.Select(group => group.Rollouts));
            return [.. groups.SelectMany(group => group.Rollouts.Select(mine => new RolloutGrade(
                group.Rollouts.Where(other => other != mine).Average(other => other.Origin == mine.Origin ? 0.5 : mine.Origin == RolloutOrigin.Policy ? 0 : 1))))];
        }
    }

    private sealed class Near : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) < 1e-6;

        public int GetHashCode(double obj) => 0;
    }
}
