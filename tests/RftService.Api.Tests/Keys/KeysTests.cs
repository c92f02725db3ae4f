using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Keys;

public sealed class KeysTests(RftApi api) : IClassFixture<RftApi>
{
    private static Uri Keys { get; } = new("/api/v1/keys", UriKind.Relative);

    [Fact]
    public async Task CreateKey_ThenRevoke_WorksUntilRevoked()
    {
        var created = await api.Client.PostTextAsync("/api/v1/keys", """{"name":"laptop"}""").JsonAsync(201);
        using var client = api.ClientWith(created.Text("text"));
        var listed = await client.GetAsync(Keys).JsonAsync(200);

        using var revoked = await api.Client.DeleteAsync(new Uri("/api/v1/keys/" + created.GetProperty("key").Text("id"), UriKind.Relative));

        Assert.Contains(listed.GetProperty("data").EnumerateArray(), key => key.Text("name") == "laptop");
        Assert.DoesNotContain(created.Text("text"), listed.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(204, (int)revoked.StatusCode);
        var problem = await client.GetAsync(Keys).ProblemAsync(401, "unauthorized");
        Assert.Contains("revoked", problem.Text("detail"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"name":""}""", 400, "invalid_request")]
    [InlineData("""{"name":"x","is_admin":true}""", 403, "admin_only")]
    [InlineData("""{"name":"x","project_id":"prj_00000000000070008000000000000000"}""", 403, "admin_only")]
    [InlineData("""{"name":"x","project_id":"17"}""", 400, "invalid_request")]
    public Task CreateKey_Refused_SaysWhy(string body, int status, string code) =>
        api.Client.PostTextAsync("/api/v1/keys", body).ProblemAsync(status, code);

    [Fact]
    public Task CreateKey_AdminForUnknownProject_Is422() =>
        api.Admin.PostTextAsync("/api/v1/keys", """{"name":"x","project_id":"prj_00000000000070008000000000000000"}""").ProblemAsync(422, "unknown_project");

    [Fact]
    public async Task RevokeKey_OfAnAdministratorByAnother_Is403()
    {
        var (_, plain) = await api.Database.AddProjectAsync("shared");
        using var client = api.ClientWith(plain);
        var project = (await client.PostTextAsync("/api/v1/keys", """{"name":"own"}""").JsonAsync(201)).GetProperty("key").Text("project_id");
        var admin = await api.Admin.PostTextAsync("/api/v1/keys", $$"""{"name":"boss","is_admin":true,"project_id":"{{project}}"}""").JsonAsync(201);

        await client.DeleteAsync(new Uri("/api/v1/keys/" + admin.GetProperty("key").Text("id"), UriKind.Relative)).ProblemAsync(403, "admin_only");
    }

    [Fact]
    public async Task RevokeKey_OfAnotherProject_Is404AndLeavesIt()
    {
        var created = await api.Client.PostTextAsync("/api/v1/keys", """{"name":"mine"}""").JsonAsync(201);

        await api.Stranger.DeleteAsync(new Uri("/api/v1/keys/" + created.GetProperty("key").Text("id"), UriKind.Relative)).ProblemAsync(404, "not_found");

        using var client = api.ClientWith(created.Text("text"));
        await client.GetAsync(Keys).JsonAsync(200);
    }
}
