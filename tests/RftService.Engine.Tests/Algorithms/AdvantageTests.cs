using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Advantages;
using RftService.Engine.Algorithms.Filters;
using RftService.Engine.Algorithms.Rewards;
using RftService.Engine.Algorithms.Schedules;
using RftService.Testing;

namespace RftService.Engine.Tests.Algorithms;

public sealed class AdvantageTests
{
    [SharedFact]
    public void Estimators_GoldenRewards_GiveGoldenAdvantages()
    {
        AssertGolden("grpo_ddof1_eps1e-6", new CenterStdAdvantage());
        AssertGolden("grpo_ddof0_eps1e-6", new CenterStdAdvantage { Sample = false });
        AssertGolden("grpo_ddof1_eps1e-4 (TRL)", new CenterStdAdvantage { Epsilon = 1e-4 });
        AssertGolden("dr_grpo_center_only", new CenterAdvantage());
        AssertGolden("rloo", new LeaveOneOutAdvantage());
        AssertGolden("opmd_logavgexp_tau1", new LogMeanExpAdvantage());
        AssertGolden("opmd_logavgexp_tau0.5", new LogMeanExpAdvantage { Tau = 0.5 });
        AssertGolden("asymre_shift_-0.1", new CenterAdvantage { Shift = -0.1 });
        AssertGolden("trl_batch_std", new BatchStdAdvantage { Over = BatchStdOver.RawRewards, Epsilon = 1e-4 });
        AssertGolden("scalerl_batch_std_kept_rows (rewards pm1)", new BatchStdAdvantage(), signed: true, dropZeroVariance: true);
        AssertGolden("scalerl_batch_std_all_rows (rewards pm1)", new BatchStdAdvantage { Over = BatchStdOver.All }, signed: true, dropZeroVariance: true);
        AssertGolden("reinforce_pp_tokens", new WhitenedAdvantage());
        AssertGolden("reinforce_pp_baseline_tokens", new WhitenedAdvantage { GroupBaseline = true });
    }

    [SharedFact]
    public void TargetShare_GoldenTable_IsInvertedByTheBaselineFound()
    {
        foreach (var row in GoldenLosses.Table("topr_effective_positive_share").EnumerateArray())
        {
            var (p, c) = (row.GetProperty("p").GetDouble(), row.GetProperty("c").GetDouble());
            var target = new TargetShareAdvantage { PositiveShare = row.GetProperty("effective_positive_share").GetDouble() };
            var rewards = Enumerable.Range(0, 10).Select(i => i < (10 * p) - 0.5 ? 1.0 : -1.0).ToArray();

            Assert.Equal(c, target.Baseline(rewards), 1e-12);
        }
    }

    [SharedFact]
    public void Overlong_GoldenTable_Matches() => Assert.All(GoldenLosses.Table("overlong_shaping").EnumerateArray(), row =>
    {
        var (length, longest) = (row.GetProperty("length").GetInt32(), row.GetProperty("Lmax").GetInt32());
        var expected = row.GetProperty("reward_add").GetDouble();

        Assert.Equal(expected, new OverlongShaping().Of(length, longest), 1e-12);
        Assert.Equal(expected, new OverlongShaping { MaxTokens = longest, CacheTokens = row.GetProperty("cache").GetInt32() }.Of(length, 1), 1e-12);
    });

    [SharedFact]
    public void WarmupCosine_GoldenTable_Matches() => Assert.All(GoldenLosses.Table("mu_schedule").EnumerateArray(), row =>
    {
        var schedule = new WarmupCosineSchedule
        {
            WarmupSteps = row.GetProperty("warmup").GetInt32(),
            DecaySteps = row.GetProperty("decay").GetInt32(),
            Peak = row.GetProperty("peak").GetDouble(),
            Valley = row.GetProperty("valley").GetDouble(),
        };

        Assert.Equal(row.GetProperty("mu").GetDouble(), schedule.At(row.GetProperty("step").GetInt32(), double.NaN), 1e-12);
    });

    [Fact]
    public void Schedules_OtherKinds_FollowTheirFormula()
    {
        Assert.Equal([1.0, 0.75, 0.5, 0.5], new[] { 0, 1, 2, 9 }.Select(step => new LinearSchedule { From = 1, To = 0.5, Steps = 2 }.At(step, 0)));
        Assert.Equal([2.0, 1.0, 0.5], new[] { 0, 1, 3 }.Select(step => new InverseSchedule { Scale = 2 }.At(step, 0)));
        Assert.Equal([0, 0.5, 1, 1], new[] { 0, 100, 200, 999 }.Select(step => Math.Round(new CosineRampSchedule { Weight = 1, Steps = 200 }.At(step, 0), 12)));
        Assert.Equal([2, 2, 1.8, 1.8, 1.6, 1], new[] { 0, 50, 51, 60, 61, 999 }.Select(step => Math.Round(new TenthsSchedule(50, 2).At(step, 0), 12)));
        Assert.Equal([0, 0.2, 1], new[] { 50, 51, 999 }.Select(step => Math.Round(new TenthsSchedule(50, 2, Complement: true).At(step, 0), 12)));
        Assert.Equal([1.0, 0.25, 0.0, 0.0], new[] { -3, 0.25, 0.75, double.NaN }.Select(reward => new RewardGapSchedule().At(9, reward)));
    }

    [Fact]
    public void Estimators_EqualRewardsThatRoundBadly_GiveExactZeros()
    {
        // 0.1 added up three times and divided by 3 is not 0.1.
        AdvantageSpec[] estimators =
        [
            new CenterAdvantage(), new CenterStdAdvantage { Epsilon = 0 }, new LeaveOneOutAdvantage(), new LogMeanExpAdvantage(), new BatchStdAdvantage(),
            new WhitenedAdvantage(), new WhitenedAdvantage { GroupBaseline = true }, new BalancedAdvantage(), new TargetShareAdvantage(),
        ];

        Assert.All(estimators, estimator => Assert.All(Of(estimator, [0.1, 0.1, 0.1]), advantage => Assert.Equal(0, advantage)));
    }

    [Fact]
    public void Estimators_GroupOfOne_StaysFinite() => Assert.All(
        new AdvantageSpec[] { new CenterStdAdvantage(), new LeaveOneOutAdvantage(), new BalancedAdvantage(), new CenterAdvantage() },
        estimator => Assert.Equal([0.0], Of(estimator, [0.7])));

    [Fact]
    public void Whitened_TokenRewards_AreSummedFromEachTokenOn()
    {
        // Returns: 1 - 0.5 = 0.5 and 1; mean 0.75, sample variance 0.125: ∓0.25 / 0.3536.
        var completion = Completion(0, 0, 1, 2) with { TokenRewards = [-0.5, 0] };

        var credit = Assert.Single(new WhitenedAdvantage().Assign(new([completion], [completion], 0)));

        Assert.Equal([-0.70710675, 0.70710675], credit.TokenAdvantages!, new Closeness(1e-6));
    }

    [Fact]
    public void RewardKl_Estimators_AreTakenOffEachToken()
    {
        // d = log μ − log π_ref = 0.5, −0.5: k1 costs β·d; the return is 1 − 0.1·0.5 + 0.1·0.5.
        var completion = Completion(0, 0, 1, 2) with { BehaviorLogProbs = [-1f, -1f], ReferenceLogProbs = [-1.5f, -0.5f] };

        var shaped = Assert.Single(new RewardSpec { Kl = new() { Beta = 0.1 } }.Shape(new([completion], 8, 0)));

        Assert.Equal([-0.05, 0.05], shaped.TokenRewards!, new Closeness(1e-12));
        Assert.Equal(1.0, shaped.Return, 1e-12);
    }

    [Fact]
    public void Filters_Each_KeepsWhatItSays()
    {
        GradedCompletion[] step =
        [
            Completion(0, 0, 1, 5), Completion(1, 0, 0, 3), Completion(2, 0, 1, 4), Completion(3, 1, 0.5, 2), Completion(4, 1, 0.5, 2) with { Truncated = true },
        ];

        Assert.Equal([0, 1, 2, 3], Kept(new() { DropTruncated = true }, step));
        Assert.Equal([0, 1, 2], Kept(new() { DropZeroVariance = true }, step));
        Assert.Equal([0, 1, 3], Kept(new() { MaxPositivesPerPrompt = 1 }, step));
        Assert.Equal([0, 2, 3, 4], Kept(new() { MaxNegativesPerPrompt = 0 }, step));
        Assert.Equal([0, 2], Kept(new() { MinReward = 0.6 }, step));
        Assert.Equal([2, 3], Kept(new() { KeepBest = 1 }, step)); // of the two best the shorter one
        Assert.Equal([0, 1, 2], Kept(new() { TopSpreadShare = 0.5 }, step));
    }

    private static IEnumerable<int> Kept(FilterSpec filters, IReadOnlyList<GradedCompletion> step) =>
        filters.Groups(filters.Completions(step)).Select(completion => completion.Index);

    private static IEnumerable<double> Of(AdvantageSpec estimator, double[] rewards)
    {
        GradedCompletion[] step = [.. rewards.Select((reward, i) => Completion(i, 0, reward, i + 1))];
        return estimator.Assign(new(step, step, 0)).Select(credit => credit.Advantage);
    }

    private static GradedCompletion Completion(int index, int group, double reward, int length) =>
        new() { Index = index, Group = group, Grade = reward, Reward = reward, Length = length };

    private static void AssertGolden(string name, AdvantageSpec estimator, bool signed = false, bool dropZeroVariance = false)
    {
        var step = GoldenLosses.Rollouts();
        var all = new RewardSpec { Scale = signed ? RewardScale.UnitToSigned : RewardScale.AsIs }.Shape(step);
        var kept = new FilterSpec { DropZeroVariance = dropZeroVariance }.Groups(all);
        var mask = GoldenLosses.Inputs("mask");
        var actual = GoldenLosses.Advantages(estimator.Assign(new(kept, all, 0)), mask);
        var expected = GoldenLosses.Table("advantages").GetProperty(name);
        for (var i = 0; i < mask.GetLength(0); i++)
        {
            for (var t = 0; t < mask.GetLength(1); t++)
            {
                var golden = expected[i].ValueKind == System.Text.Json.JsonValueKind.Array ? expected[i][t] : expected[i];
                Assert.True(mask[i, t] == 0 || Math.Abs(golden.GetDouble() - actual[i, t]) <= 1e-10, $"{name}[{i}, {t}]: {actual[i, t]} instead of {golden}");
            }
        }
    }

    private sealed class Closeness(double tolerance) : IEqualityComparer<double>
    {
        public bool Equals(double left, double right) => Math.Abs(left - right) <= tolerance;

        public int GetHashCode(double value) => 0;
    }
}
