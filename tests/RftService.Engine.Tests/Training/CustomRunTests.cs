using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Losses;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Algorithms.Weights;
using RftService.Engine.Data;
using RftService.Engine.Training;

namespace RftService.Engine.Tests.Training;

/// <summary>A composition of the same components learns exactly as the named rule does: weights and common metrics, bit for bit.</summary>
public sealed class CustomRunTests : IDisposable
{
    private static readonly TermSpec Clip = new() { Loss = new ClipLoss() };

    private static readonly Dictionary<string, (AlgorithmOptions Named, CustomOptions Composed)> Pairs = new()
    {
        ["chord"] = (
            new ChordOptions { Mu = new WarmupCosineSchedule { WarmupSteps = 1, DecaySteps = 2 }, ExpertRowsPerStep = 3 },
            new CustomOptions
            {
                ExpertRowsPerStep = 3,
                Terms =
                [
                    Clip with { Coefficient = new WarmupCosineSchedule { WarmupSteps = 1, DecaySteps = 2 }, Complement = true },
                    new()
                    {
                        Name = "sft",
                        Loss = new ImitationLoss(),
                        Weight = new UncertaintyWeight(),
                        Coefficient = new WarmupCosineSchedule { WarmupSteps = 1, DecaySteps = 2 },
                        Source = RowSource.Experts,
                    },
                ],
            }),
        ["ampo"] = (
            new AmpoOptions { PassAbove = 0.3, TeacherPlaces = 1 },
            new CustomOptions
            {
                Guidance = new TeacherGuidance { Places = 1, PassAbove = 0.3 },
                Terms = [Clip, new() { Name = "teacher", Loss = new ShapedProbabilityLoss { Gamma = 0.1 }, Reduction = LossReduction.CompletionMean, Source = RowSource.Experts }],
            }),
        ["guide"] = (
            new GuideOptions { PassAbove = 0.3, HintedCompletions = 2 },
            new CustomOptions { Guidance = new HintGuidance { PassAbove = 0.3, Completions = 2 }, Terms = [Clip] }),
        ["temp-samp"] = (
            new TempSampOptions(),
            new CustomOptions { Guidance = new TruthGuidance(), Rewards = new() { Soft = new SoftReward() }, Terms = [Clip] }),
        ["spear"] = (
            new SpearOptions { DropTruncated = false, Covariance = null, TopSpreadShare = null, RampSteps = 2 },
            new CustomOptions
            {
                Advantage = new CenterAdvantage(),
                Replay = new SelfImitation(),
                Terms =
                [
                    new() { Loss = new ClipLoss { High = 0.28 }, Reduction = LossReduction.FixedLength },
                    new()
                    {
                        Name = "replay",
                        Loss = new ClipLoss { High = 0.28 },
                        Coefficient = new CosineRampSchedule { Steps = 2 },
                        Reduction = LossReduction.FixedLength,
                        Source = RowSource.Replay,
                    },
                ],
            }),
        ["remix"] = (
            new RemixOptions { KlBeta = 0, ReplayProbability = 0.7, ReincarnateAfter = 2 },
            new CustomOptions
            {
                Replay = new PastBatches { Probability = 0.7, Until = 2 },
                NewReferenceAfter = 2,
                Terms = [new() { Loss = new ClipLoss { Centered = true } }],
            }),
        ["otr"] = (
            new OtrOptions { Draws = 8 },
            new CustomOptions { Draws = new DrawSpec { Count = 8 }, Advantage = new UnitAdvantage(), Terms = [new() { Loss = new OneTokenLoss() }] }),
    };

    private readonly TinyRun _run = new();

    public static TheoryData<string> Names => [.. Pairs.Keys];

    public void Dispose() => _run.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_ComposedAsANamedRule_LearnsTheSame(string name)
    {
        var (named, composed) = Pairs[name];

        var (expected, actual) = (Steps(named), Steps(composed));

        Assert.Equal(expected, actual);
        Assert.NotEqual(expected, Steps(name == "otr" ? composed with { Draws = new DrawSpec { Count = 9 } } : new CustomOptions { Advantage = new RawAdvantage() }));
    }

    // What the named rule reports beside is its own.
    private IReadOnlyList<string> Steps(AlgorithmOptions options)
    {
        var recipe = TinyRun.Recipe(options) with { CheckpointEvery = 100, UpdatesPerStep = 2 };
        var given = options is OtrOptions or CustomOptions { Draws: not null };
        var spec = given ? _run.Spec(recipe, DataKind.Expert, TinyRun.Experts()) : _run.Spec(recipe, grader: new LetterGrader(i => i % 4 == 0 ? new RolloutGrade(0.1) : null));
        return [.. _run.Run(spec).Steps.Select(step => FormattableString.Invariant(
            $"{step.Metrics[MetricNames.PolicyLoss]:R} {step.Metrics[MetricNames.GradientNorm]:R} {step.Metrics[MetricNames.PolicyEntropy]:R}"))];
    }
}
