using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Projects;

public sealed class ProjectsTests(RftApi api) : IClassFixture<RftApi>
{
    [Fact]
    public async Task CreateProject_ByAdmin_GivesAKeyThatSeesOnlyIt()
    {
        await api.Client.PostTextAsync("/api/v1/rewards", Samples.Reward).JsonAsync(201);
        var created = await api.Admin.PostTextAsync("/api/v1/projects", """{"name":"maths"}""").JsonAsync(201);

        using var client = api.ClientWith(created.GetProperty("key").Text("text"));
        var rewards = await client.GetAsync(new Uri("/api/v1/rewards", UriKind.Relative)).JsonAsync(200);

        Assert.Empty(rewards.GetProperty("data").EnumerateArray());
        var projects = await api.Admin.GetAsync(new Uri("/api/v1/projects", UriKind.Relative)).JsonAsync(200);
        Assert.Contains(projects.GetProperty("data").EnumerateArray(), project => project.Text("name") == "maths");
    }

    [Fact]
    public async Task CreateProject_NameTaken_Is409()
    {
        await api.Admin.PostTextAsync("/api/v1/projects", """{"name":"twice"}""").JsonAsync(201);

        await api.Admin.PostTextAsync("/api/v1/projects", """{"name":"twice"}""").ProblemAsync(409, "name_taken");
    }

    [Fact]
    public async Task Projects_WithPlainKey_Are403()
    {
        await api.Client.PostTextAsync("/api/v1/projects", """{"name":"x"}""").ProblemAsync(403, "admin_only");
        await api.Client.GetAsync(new Uri("/api/v1/projects", UriKind.Relative)).ProblemAsync(403, "admin_only");
    }
}
