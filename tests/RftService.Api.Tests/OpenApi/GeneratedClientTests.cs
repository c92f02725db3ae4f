using RftService.Api.Tests.Hosting;
using RftService.Client;

namespace RftService.Api.Tests.OpenApi;

/// <summary>What the document says is what the Api does: a client made from nothing but the document works with it.</summary>
public sealed class GeneratedClientTests(RftApi api) : IClassFixture<RftApi>
{
    [Fact]
    public async Task Client_RewardRoundTrip_KeepsTheUnionsCase()
    {
        var client = new RftClient(api.Client);
        var grader = new WeightedSumSpec
        {
            Name = "sum",
            Graders =
            [
                new WeightedGrader
                {
                    Weight = 0.5,
                    Grader = new StringCheckSpec
                    {
                        Name = "exact",
                        Operation = StringOperation.Ilike,
                        Input = "{{sample.output_text}}",
                        Reference = "{{item.answer}}",
                    },
                },
            ],
        };

        var created = await client.CreateRewardAsync(new CreateRewardRequest { Name = "from the client", Grader = grader });
        var read = await client.GetRewardAsync(created.Id);
        var graded = await client.DryRunRewardAsync(new DryRunRequest
        {
            Reward_id = created.Id,
            Samples = [new DryRunSample { Item = new { answer = "Paris" }, Output_text = "PARIS" }, new DryRunSample { Item = new { }, Output_text = "x" }],
        });

        var sum = Assert.IsType<WeightedSumSpec>(read.Grader);
        Assert.Equal(StringOperation.Ilike, Assert.IsType<StringCheckSpec>(Assert.Single(sum.Graders).Grader).Operation);
        Assert.Equal(0.5, graded.Results[0].Value);
        Assert.Equal(GradeError.Invalid_variable_error, graded.Results[1].Error);
    }

    [Fact]
    public async Task Client_Refusal_IsATypedProblem()
    {
        var client = new RftClient(api.Client);

        var refused = await Assert.ThrowsAsync<RftException<Problem>>(() => client.GetModelAsync("md_1"));

        Assert.Equal(404, refused.StatusCode);
        Assert.Equal("not_found", refused.Result.Code);
    }
}
