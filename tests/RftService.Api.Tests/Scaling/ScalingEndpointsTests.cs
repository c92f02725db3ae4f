using System.Globalization;
using RftService.Api.Tests.Hosting;
using RftService.Api.Tests.Runs;
using RftService.Engine.Scaling;

namespace RftService.Api.Tests.Scaling;

public sealed class ScalingEndpointsTests(RunWorld world) : IClassFixture<RunWorld>
{
    private static readonly ScalingCurve Truth = new(0.2, 0.7, 2, 3000);

    [Theory]
    [InlineData("tokens", 1)]
    [InlineData("steps", 0.001)]
    [InlineData("seconds", 0.002)]
    public async Task Fit_SaturatedRun_FindsTheCurveInEveryUnit(string unit, double scale)
    {
        var id = await RunAsync(Truth, 16);

        var fit = await world.Client.GetAsync($"/api/v1/runs/{id}/scaling-fit?compute={unit}").JsonAsync(200);

        Assert.True(fit.GetProperty("identified").GetBoolean(), fit.GetRawText());
        var curve = fit.GetProperty("curve");
        Assert.Equal(0.2, curve.GetProperty("start").GetDouble());
        Assert.Equal(0.7, curve.GetProperty("asymptote").GetDouble(), 3);
        Assert.Equal(3000 * scale, curve.GetProperty("midpoint").GetDouble(), 0.01 * 3000 * scale);
        Assert.Equal(16, fit.GetProperty("points").GetArrayLength());
    }

    [Fact]
    public async Task Fit_EarlyRun_IsShownButNotTrusted()
    {
        var id = await RunAsync(Truth, 5);

        var fit = await world.Client.GetAsync($"/api/v1/runs/{id}/scaling-fit?forecast_at=100000").JsonAsync(200);

        Assert.False(fit.GetProperty("identified").GetBoolean());
        Assert.Contains("not_saturated", fit.GetProperty("refusals").EnumerateArray().Select(refusal => refusal.Text("code")));
        Assert.False(fit.GetProperty("forecast").GetProperty("trusted").GetBoolean());
    }

    [Fact]
    public async Task Fit_TooFewOrNoStart_SaysWhatToDo()
    {
        var few = await RunAsync(Truth, 2);

        var problem = await world.Client.GetAsync($"/api/v1/runs/{few}/scaling-fit").ProblemAsync(422, "too_few_points");
        await world.Client.GetAsync($"/api/v1/runs/{few}/scaling-fit?metric=other/metric").ProblemAsync(422, "start_unknown");
        await world.Client.GetAsync($"/api/v1/runs/{few}/scaling-fit?compute=dollars").ProblemAsync(400, "invalid_request");
        await world.Api.Stranger.GetAsync($"/api/v1/runs/{few}/scaling-fit").ProblemAsync(404, "not_found");

        Assert.Contains("recipe.evaluation.every", problem.Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_FasterRecipe_Wins()
    {
        var (slow, fast) = (await RunAsync(Truth with { Exponent = 1.6 }, 30), await RunAsync(Truth with { Exponent = 2.6 }, 30));

        var comparison = await world.Client.GetAsync($"/api/v1/runs/{slow}/scaling-fit/{fast}").JsonAsync(200);

        Assert.Equal("second", comparison.Text("verdict"));
        await world.Api.Stranger.GetAsync($"/api/v1/runs/{slow}/scaling-fit/{fast}").ProblemAsync(404, "not_found");
    }

    // Each step costs 1,000 tokens and 2 seconds.
    private async Task<string> RunAsync(ScalingCurve curve, int steps)
    {
        var (id, row) = await world.RunningAsync();
        for (var step = 0; step <= steps; step++)
        {
            var reward = step == 0 ? curve.Start : curve.At(1000 * step);
            await world.StepAsync(row, step, string.Create(CultureInfo.InvariantCulture,
                $$"""{"evaluation/reward_mean":{{reward:R}},"tokens/trained":{{step * 600}},"tokens/sampled":{{step * 400}},"time/step_s":{{(step == 0 ? 0 : 2)}}}"""));
        }

        return id;
    }
}
