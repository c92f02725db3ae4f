using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using RftService.Api.Tests.Checkpoints;
using RftService.Api.Tests.Completions;
using RftService.Api.Tests.Hosting;
using RftService.Testing;

namespace RftService.Api.Tests.OpenApi;

/// <summary>
/// A newcomer's walk: every example of the document is sent, in an order in which one makes what the next needs, with nothing changed but the ids
/// that the service itself gave. What the document shows is what works.
/// </summary>
public sealed partial class ExamplesTests(RftApiWithToken fixture) : IClassFixture<RftApiWithToken>
{
    // First what the others name.
    private static readonly string[] Order = ["/api/v1/models", "/api/v1/datasets", "/api/v1/rewards", "/api/v1/runs"];

    private readonly RftApi _api = fixture.Api;
    private readonly Dictionary<string, string> _ids = [];

    [Fact]
    public async Task EveryExampleOfTheDocument_IsAccepted()
    {
        CopyModel(Path.Combine(_api.ModelRoot, "quickstart"));
        FakeWorker? asked = null;
        await using var worker = asked = await FakeWorker.StartAsync(
            (response, cancellation) => SayAsync(response, asked!.Asked.GetProperty("samples").GetInt32(), cancellation));
        await FakeWorker.RegisterAsync(_api.Database, worker.Address, DateTimeOffset.UtcNow.AddMinutes(10)); // however long the walk takes
        await _api.Client.PostTextAsync("/api/v1/models", """{"name":"word-problems","folder":"quickstart"}""").JsonAsync(201);
        var document = JsonElement.Parse(await _api.ClientWith(null).GetStringAsync(new Uri("/swagger/v1/swagger.json", UriKind.Relative)));

        var sent = 0;
        foreach (var (path, operation) in document.GetProperty("paths").EnumerateObject()
            .Where(path => path.Value.TryGetProperty("post", out _)).Select(path => (path.Name, path.Value.GetProperty("post")))
            .OrderBy(one => Array.IndexOf(Order, one.Name) is >= 0 and var place ? place : Order.Length))
        {
            foreach (var (media, name, body) in ExamplesOf(operation))
            {
                await SendAsync(path, media, name, body);
                sent++;
            }
        }

        Assert.True(sent >= 35, $"{sent} examples");
    }

    private async Task SendAsync(string path, string media, string name, string body)
    {
        var query = path switch
        {
            "/api/v1/datasets" => $"?kind={name}&name={name}",
            "/api/v1/datasets/validate" => $"?kind={name}",
            _ => "",
        };
        var place = path.Replace("{id}", await IdOfAsync(path), StringComparison.Ordinal) + query;
        var client = path is "/api/v1/projects" or "/api/v1/keys" ? _api.Admin : _api.Client;
        var text = Ids().Replace(body, id => Known(id.Value));

        using var response = await client.PostTextAsync(place, text, media);

        var answer = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}, {name}: {(int)response.StatusCode} {answer}\n{text}");
        if (path is "/api/v1/rewards" or "/api/v1/models" or "/api/v1/runs")
        {
            _ids.TryAdd(path, JsonElement.Parse(answer).Text("id"));
        }
        else if (path == "/api/v1/datasets")
        {
            _ids.Add(name, JsonElement.Parse(answer).Text("id"));
        }
    }

    // An id of an example, and the thing that it stands for.
    private string Known(string id) => id switch
    {
        "rw_0198c0de000070008000000000000002" or "rw_00000000000000000000000000000000" => _ids["/api/v1/rewards"],
        "ds_0198c0de000070008000000000000001" or "ds_0198c0de000070008000000000000003" or "ds_00000000000000000000000000000000" => _ids["prompts"],
        "ds_0198c0de000070008000000000000004" => _ids["rollouts"],
        "ds_0198c0de000070008000000000000005" or "ds_0198c0de000070008000000000000008" => _ids["expert"],
        "ds_0198c0de000070008000000000000006" or "ds_0198c0de000070008000000000000007" => _ids["preferences"],
        _ => throw new ArgumentException($"The examples name {id}: say here what it stands for."),
    };

    private async Task<string> IdOfAsync(string path) => path.Split('/')[3] switch
    {
        "checkpoints" => await AddCheckpointAsync(),
        var kind => _ids.GetValueOrDefault($"/api/v1/{kind}", ""),
    };

    private async Task<string> AddCheckpointAsync()
    {
        var model = await _api.Database.AddModelAsync(_api.ProjectId, chat: true, context: 256);
        return $"ck_{(await _api.AddCheckpointAsync(new Dictionary<string, byte[]>(), model: model)).Checkpoint:N}";
    }

    private static IEnumerable<(string Media, string Name, string Body)> ExamplesOf(JsonElement operation)
    {
        if (!operation.TryGetProperty("requestBody", out var body))
        {
            yield break;
        }

        foreach (var media in body.GetProperty("content").EnumerateObject().Where(media => media.Value.TryGetProperty("examples", out _)))
        {
            foreach (var example in media.Value.GetProperty("examples").EnumerateObject())
            {
                var value = example.Value.GetProperty("value");
                yield return (media.Name, example.Name, value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText());
            }
        }
    }

    private static async Task SayAsync(HttpResponse response, int completions, CancellationToken cancellation)
    {
        for (var i = 0; i < completions; i++)
        {
            await response.WriteAsync(
                $$"""{"index":{{i}},"text":"#### {{i}}","finish_reason":"stop","prompt_tokens":3,"completion_tokens":2}""" + "\n", cancellation);
        }
    }

    private static void CopyModel(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(Repository.Path("deploy", "quickstart", "model")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
    }

    [GeneratedRegex("(ds|rw|md|ck|run)_[0-9a-f]{32}")]
    private static partial Regex Ids();
}
