using RftService.Engine.Algorithms;
using RftService.Engine.Data;
using RftService.Engine.Training;

namespace RftService.Engine.Tests.Training;

public sealed class LoggedRolloutsTests : IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Run_LoggedRollouts_AreGroupedByPromptAndTrainedOn()
    {
        var recipe = TinyRun.Recipe(new ToprOptions { MaxPositivesPerPrompt = 1 }) with { PromptsPerStep = 2, Steps = 3 };

        var sink = _run.Run(_run.Spec(recipe, DataKind.Rollouts, Logged()));

        // Two prompts with three completions each, two of them good: one good one is left out.
        Assert.All(sink.Steps, step =>
        {
            Assert.Equal([3, 3], step.Groups.Select(group => group.Rollouts.Count));
            Assert.All(step.Groups, group => Assert.Equal(2, group.Rollouts.Count(rollout => rollout.Advantage is not null)));
            Assert.False(step.Metrics.ContainsKey(MetricNames.SamplerMismatch));
        });
        Assert.Equal(1, sink.Metric(1, MetricNames.RatioMean), 1e-5);    // μ is the base model, the policy before any update
        Assert.NotEqual(1, sink.Metric(3, MetricNames.RatioMean), 1e-5); // and stays it
    }

    [Fact]
    public void Run_GivenLogProbs_AreTheBehaviorPolicy()
    {
        // `good` is 4 bytes and the end of text; 4 log-probs are a truncated completion, 5 a whole one.
        Row[] rows = [.. new[] { 4, 5 }.Select((count, i) => new Row
        {
            Index = i, Item = default, Prompt = "p", Completion = "good", Reward = i, LogProbs = Enumerable.Repeat(-0.5f, count).ToArray(),
        })];

        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new ToprOptions()) with { Steps = 1, PromptsPerStep = 1 }, DataKind.Rollouts, rows));

        Assert.Equal([4, 5], sink.Steps[0].Groups.Single().Rollouts.Select(rollout => rollout.Tokens.Count));
        Assert.Equal(0.5, sink.Metric(1, MetricNames.CompletionTruncatedShare));
    }

    [Fact]
    public void Run_LogProbsOfAnotherLength_NamesTheRow()
    {
        Row[] rows = [Logged()[0] with { LogProbs = [-1f] }];

        var fault = Assert.Throws<TrainingException>(() => _run.Run(_run.Spec(TinyRun.Recipe(new ToprOptions()), DataKind.Rollouts, rows)));

        Assert.Equal(TrainingFault.RowUnusable, fault.Fault);
        Assert.Contains("log_probs: expected 5 (or 4 without the end of text), got 1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_RowsWithoutReward_AreGraded()
    {
        Row[] rows = [.. Logged().Select(row => row with { Reward = null })];

        var sink = _run.Run(_run.Spec(TinyRun.Recipe(new ToprOptions()) with { Steps = 1, PromptsPerStep = 2 }, DataKind.Rollouts, rows));

        Assert.True(sink.Steps[0].Metrics.ContainsKey(MetricNames.RewardMean));
    }

    private static Row[] Logged() => [.. new[] { "good", "bad", "fine", "good", "bad", "fine" }.Select((text, i) => new Row
    {
        Index = i, Item = default, Prompt = i < 3 ? "first" : "second", Completion = text, Reward = text == "bad" ? 0 : 1,
    })];
}
