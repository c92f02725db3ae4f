using System.Globalization;
using RftService.Api.Tests.Hosting;
using RftService.Api.Tests.Runs;

namespace RftService.Api.Tests.Audits;

public sealed class RewardAuditTests(RunWorld world) : IClassFixture<RunWorld>
{
    [Theory]
    [InlineData(30, 0.02, -0.02, "gaming_suspected")]
    [InlineData(30, 0.02, 0.01, "rising_together")]
    [InlineData(30, 0.02, 0.0, "rising_together")]
    [InlineData(30, 0.0, -0.02, "reward_not_rising")]
    [InlineData(8, 0.02, -0.02, "too_short")]
    public async Task Audit_RewardAndWatcher_AreCompared(int steps, double rewardSlope, double watcherSlope, string verdict)
    {
        var (id, row) = await world.RunningAsync();
        for (var step = 1; step <= steps; step++)
        {
            var noise = 0.01 * ((step * 7 % 5) - 2);
            await world.StepAsync(row, step, string.Create(CultureInfo.InvariantCulture,
                $$"""{"reward/mean":{{0.3 + (rewardSlope * step) + noise:R}},"reward_part/judge":{{0.7 + (watcherSlope * step) - noise:R}},"loss/policy":{{-step}}}"""));
        }

        var audit = await world.Client.GetAsync($"/api/v1/runs/{id}/reward-audit").JsonAsync(200);

        Assert.Equal(verdict, audit.Text("verdict"));
        Assert.All(audit.GetProperty("others").EnumerateArray(), other => Assert.Equal("reward_part/judge", other.Text("metric")));
        if (verdict == "gaming_suspected")
        {
            Assert.Contains("reward_part/judge falls", audit.Text("explanation"), StringComparison.Ordinal);
        }

        await world.Api.Stranger.GetAsync($"/api/v1/runs/{id}/reward-audit").ProblemAsync(404, "not_found");
    }
}
