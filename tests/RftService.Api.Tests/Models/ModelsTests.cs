using System.Net;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using RftService.Api.Models;
using RftService.Api.Tests.Hosting;
using RftService.Data.Datasets;
using RftService.Data.Models;
using RftService.Data.Runs;
using RftService.Testing;

namespace RftService.Api.Tests.Models;

public sealed class ModelsTests(RftApi api) : IClassFixture<RftApi>
{
    [Fact]
    public async Task RegisterModel_RealFolder_IsDescribedListedAndDeleted()
    {
        CopyQuickstartModel("tiny");
        var available = await api.Client.GetAsync(new Uri("/api/v1/models/available", UriKind.Relative)).JsonAsync(200);

        var model = await api.Client.PostTextAsync("/api/v1/models", """{"name":"tiny","folder":"./tiny/"}""").JsonAsync(201);

        Assert.Contains("tiny", available.GetProperty("data").EnumerateArray().Select(folder => folder.GetString()));
        Assert.Equal("tiny", model.Text("folder").TrimEnd('/'));
        Assert.True(model.GetProperty("parameters").GetInt64() > 100_000);
        var path = new Uri("/api/v1/models/" + model.Text("id"), UriKind.Relative);
        await api.Client.GetAsync(path).JsonAsync(200);
        await api.Stranger.GetAsync(path).ProblemAsync(404, "not_found");
        await api.Stranger.DeleteAsync(path).ProblemAsync(404, "not_found");
        await api.Client.PostTextAsync("/api/v1/models", """{"name":"tiny","folder":"tiny"}""").ProblemAsync(409, "name_taken");
        using var deleted = await api.Client.DeleteAsync(path);
        Assert.Equal(204, (int)deleted.StatusCode);
        await api.Client.GetAsync(path).ProblemAsync(404, "not_found");
    }

    [Fact]
    public async Task DeleteModel_UsedByARun_Is409()
    {
        CopyQuickstartModel("used");
        var model = await api.Client.PostTextAsync("/api/v1/models", """{"name":"used","folder":"used"}""").JsonAsync(201);
        var now = DateTimeOffset.UtcNow;
        await using (var db = api.Database.Open())
        {
            var dataset = new Dataset
            {
                Id = Guid.CreateVersion7(),
                ProjectId = api.ProjectId,
                Name = "d",
                Kind = "prompts",
                Sha256 = new string('a', 64),
                Bytes = 1,
                Rows = 1,
                StatisticsJson = "{}",
                CreatedAt = now,
            };
            db.Datasets.Add(dataset);
            db.Runs.Add(Run.Submit(
                Guid.CreateVersion7(), api.ProjectId, "r", Guid.ParseExact(model.Text("id")[3..], "N"), dataset.Id, null, null, null, "{}", 1, 0, now));
            await db.SaveChangesAsync();
        }

        await api.Client.DeleteAsync(new Uri("/api/v1/models/" + model.Text("id"), UriKind.Relative)).ProblemAsync(409, "model_in_use");
    }

    [Theory]
    [InlineData("/etc", "relative")]
    [InlineData("../..", "leaves")]
    [InlineData("a/../../../etc", "leaves")]
    [InlineData("..\\\\..", "relative")]
    [InlineData("not-there", "available")]
    public async Task RegisterModel_FolderNotAllowed_Is422NamingTheField(string folder, string remedy)
    {
        var problem = await api.Client.PostTextAsync("/api/v1/models", $$"""{"name":"x","folder":"{{folder}}"}""").ProblemAsync(422, "model_folder_refused");

        Assert.Equal(["/folder model_folder_refused"], problem.Places());
        Assert.Contains(remedy, problem.Text("detail"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RegisterModel_SymbolicLinkOutOfTheRoot_Is422(bool linkTheFolder)
    {
        var name = "link-" + linkTheFolder.ToString().ToLowerInvariant();
        var outside = Directory.CreateDirectory(Path.Combine(api.Folder, "outside-" + name)).FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "config.json"), "{}");
        var link = Path.Combine(api.ModelRoot, name);
        if (linkTheFolder)
        {
            Directory.CreateSymbolicLink(link, outside);
        }
        else
        {
            Directory.CreateDirectory(link);
            File.CreateSymbolicLink(Path.Combine(link, "config.json"), Path.Combine(outside, "config.json"));
        }

        var problem = await api.Client.PostTextAsync("/api/v1/models", $$"""{"name":"x","folder":"{{name}}"}""").ProblemAsync(422, "model_folder_refused");

        Assert.Contains("symbolic link", problem.Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RegisterModel_BrokenFolder_Is422NamingTheFile()
    {
        Directory.CreateDirectory(Path.Combine(api.ModelRoot, "broken"));
        await File.WriteAllTextAsync(Path.Combine(api.ModelRoot, "broken", "config.json"), "{ not json");

        var problem = await api.Client.PostTextAsync("/api/v1/models", """{"name":"x","folder":"broken"}""").ProblemAsync(422, "model_unreadable");

        Assert.Contains("config.json", problem.Text("detail"), StringComparison.Ordinal);
        Assert.Equal(["/folder model_unreadable"], problem.Places());
    }

    [Fact]
    public async Task RegisterModel_HubId_WaitsForAWorkerAndCannotBeUsed()
    {
        var model = await api.Client.PostTextAsync("/api/v1/models", """{"name":"far","hub_id":"org/far.1@refs/pr/2"}""").JsonAsync(201);
        var id = model.Text("id");

        Assert.Equal(("downloading", "org/far.1@refs/pr/2"), (model.Text("status"), model.Text("hub_id")));
        Assert.Equal(JsonValueKind.Null, model.GetProperty("folder").ValueKind);
        Assert.Equal(JsonValueKind.Null, model.GetProperty("family").ValueKind);
        Assert.Equal(0, model.GetProperty("download").GetProperty("bytes_done").GetInt64());
        Assert.Equal(JsonValueKind.Null, model.GetProperty("download").GetProperty("bytes_total").ValueKind);
        await using (var connection = new NpgsqlConnection(api.Database.ConnectionString))
        {
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("select count(*) from hangfire.jobqueue where queue = 'downloads'", connection);
            Assert.True((long)(await command.ExecuteScalarAsync())! > 0);
        }

        var run = """{"model":"far","dataset_id":"ds_0","recipe":{"algorithm":{"type":"grpo"},"steps":1}}""";
        var refused = await api.Client.PostTextAsync("/api/v1/runs", run).ProblemAsync(409, "model_not_ready");
        Assert.Contains($"/api/v1/models/{id}", refused.Text("detail"), StringComparison.Ordinal);
        await api.Client.PostTextAsync($"/api/v1/models/{id}/completions", """{"prompt":"a"}""").ProblemAsync(409, "model_not_ready");
        await api.Client.PostTextAsync($"/api/v1/models/{id}/download", "").JsonAsync(202);
        await api.Stranger.PostTextAsync($"/api/v1/models/{id}/download", "").ProblemAsync(404, "not_found");
    }

    [Fact]
    public async Task GetModel_DownloadUnderWay_TellsSpeedAndTimeLeft()
    {
        var id = (await api.Client.PostTextAsync("/api/v1/models", """{"name":"coming","hub_id":"org/coming"}""").JsonAsync(201)).Text("id");
        await using (var db = api.Database.Open())
        {
            await db.Models.Where(model => model.Name == "coming").ExecuteUpdateAsync(set => set
                .SetProperty(model => model.BytesDone, 500).SetProperty(model => model.BytesTotal, 1001).SetProperty(model => model.BytesPerSecond, 100));
        }

        var model = await api.Client.GetAsync(new Uri("/api/v1/models/" + id, UriKind.Relative)).JsonAsync(200);

        Assert.Equal("""{"bytes_done":500,"bytes_total":1001,"bytes_per_second":100,"seconds_left":6}""", model.GetProperty("download").GetRawText());
    }

    [Fact]
    public async Task DeleteModel_OfTheHub_DeletesItsFilesAndNoOthers()
    {
        var id = (await api.Client.PostTextAsync("/api/v1/models", """{"name":"gone","hub_id":"org/gone"}""").JsonAsync(201)).Text("id");
        var (own, other) = (Path.Combine(api.DataFolder, "models", id[3..]), Path.Combine(api.DataFolder, "models", new string('0', 32)));
        foreach (var folder in new[] { own, other })
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllTextAsync(Path.Combine(folder, "config.json"), "{}");
        }

        await api.Stranger.DeleteAsync(new Uri("/api/v1/models/" + id, UriKind.Relative)).ProblemAsync(404, "not_found");
        var before = Directory.Exists(own);
        using var deleted = await api.Client.DeleteAsync(new Uri("/api/v1/models/" + id, UriKind.Relative));
        CopyQuickstartModel("stays");
        var stays = await api.Client.PostTextAsync("/api/v1/models", """{"name":"stays","folder":"stays"}""").JsonAsync(201);
        using var forgotten = await api.Client.DeleteAsync(new Uri("/api/v1/models/" + stays.Text("id"), UriKind.Relative));

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent), (deleted.StatusCode, forgotten.StatusCode));
        Assert.Equal((true, false, true, true), (before, Directory.Exists(own), Directory.Exists(other), File.Exists(Path.Combine(api.ModelRoot, "stays", "config.json"))));
    }

    [Fact]
    public async Task Orphans_FilesOfNoModel_AreRemovedWhenTheyAreOld()
    {
        var id = (await api.Client.PostTextAsync("/api/v1/models", """{"name":"kept-far","hub_id":"org/kept"}""").JsonAsync(201)).Text("id");
        var (old, young, used, strange) = (Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString("N"), id[3..], "other");
        foreach (var name in new[] { old, young, used, strange })
        {
            var inner = Directory.CreateDirectory(Path.Combine(api.DataFolder, "models", name, "inner")).FullName;
            var file = Path.Combine(inner, "model.safetensors.part");
            await File.WriteAllTextAsync(file, "");
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(name == young ? 0 : -2));
            Directory.SetLastWriteTimeUtc(inner, DateTime.UtcNow.AddHours(-2));
            Directory.SetLastWriteTimeUtc(Path.GetDirectoryName(inner)!, DateTime.UtcNow.AddHours(-2));
        }

        await using var scope = api.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<ModelFiles>().RemoveOrphansAsync(DateTimeOffset.UtcNow.AddHours(-1), CancellationToken.None);

        Assert.Equal(
            [false, true, true, true], new[] { old, young, used, strange }.Select(name => Directory.Exists(Path.Combine(api.DataFolder, "models", name))));
    }

    [Fact]
    public async Task DownloadModel_AfterAFailure_TriesAgain()
    {
        var id = (await api.Client.PostTextAsync("/api/v1/models", """{"name":"broken-far","hub_id":"org/broken"}""").JsonAsync(201)).Text("id");
        await using (var db = api.Database.Open())
        {
            var failure = """{"code":"hub_not_found","file":null,"pointer":null,"message":"The hub has none.","remedy":"Check the name."}""";
            await db.Models.Where(model => model.Name == "broken-far").ExecuteUpdateAsync(set => set
                .SetProperty(model => model.Status, ModelStatus.Failed).SetProperty(model => model.FailureJson, failure));
        }

        var failed = await api.Client.GetAsync(new Uri("/api/v1/models/" + id, UriKind.Relative)).JsonAsync(200);
        var again = await api.Client.PostTextAsync($"/api/v1/models/{id}/download", "").JsonAsync(202);

        Assert.Equal(("failed", "hub_not_found"), (failed.Text("status"), failed.GetProperty("failure").Text("code")));
        Assert.Equal(("downloading", JsonValueKind.Null), (again.Text("status"), again.GetProperty("failure").ValueKind));
        CopyQuickstartModel("near");
        var near = await api.Client.PostTextAsync("/api/v1/models", """{"name":"near","folder":"near"}""").JsonAsync(201);
        await api.Client.PostTextAsync($"/api/v1/models/{near.Text("id")}/download", "").ProblemAsync(409, "model_ready");
    }

    [Theory]
    [InlineData("""{"name":"x"}""", "/folder")]
    [InlineData("""{"name":"x","folder":"a","hub_id":"a/b"}""", "/folder")]
    [InlineData("""{"name":"x","hub_id":"../etc"}""", "/hub_id")]
    [InlineData("""{"name":"x","hub_id":"a/b/c"}""", "/hub_id")]
    [InlineData("""{"name":"x","hub_id":"https://evil/a"}""", "/hub_id")]
    public async Task RegisterModel_NeitherFolderNorHubId_Is400(string body, string pointer)
    {
        var problem = await api.Client.PostTextAsync("/api/v1/models", body).ProblemAsync(400, "invalid_request");

        Assert.StartsWith(pointer, Assert.Single(problem.Places()), StringComparison.Ordinal);
    }

    private void CopyQuickstartModel(string name)
    {
        var target = Directory.CreateDirectory(Path.Combine(api.ModelRoot, name)).FullName;
        foreach (var file in Directory.EnumerateFiles(Repository.Path("deploy", "quickstart", "model")))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }
    }
}
