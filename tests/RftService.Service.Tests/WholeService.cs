using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using RftService.Testing;

namespace RftService.Service.Tests;

/// <summary>
/// Api and worker as they are shipped, over a database of their own, with the quickstart's model and the beginnings of its corpus uploaded over HTTP.
/// </summary>
public sealed class WholeService : IAsyncLifetime
{
    private static readonly JsonSerializerOptions LeavingOutNulls = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private static readonly TimeSpan EndsWithin = TimeSpan.FromMinutes(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("rft-service-").FullName;
    private readonly Dictionary<string, string> _datasets = [];
    private TestDatabase _database = null!;
    private ServiceProcess _api = null!;
    private ServiceProcess _worker = null!;

    public HttpClient Client { get; } = new() { Timeout = TimeSpan.FromMinutes(5) };

    /// <summary>Id of the reward that is 1 for the right answer.</summary>
    public string Reward { get; private set; } = "";

    public async Task InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync();
        var (_, key) = await _database.AddProjectAsync();
        CopyModel(Path.Combine(_folder, "models", "quickstart"));
        var port = FreePort();
        var settings = new Dictionary<string, string>
        {
            // The service may be its own judge; an operator allows that.
            ["Rft__Outbound__AllowHttp"] = "true",
            ["Rft__Outbound__AllowedNetworks__0"] = "127.0.0.0/8",
            ["Rft__Outbound__Judges__own__BaseUrl"] = $"http://127.0.0.1:{port}/api/v1",
            ["Rft__Outbound__Judges__own__ApiKey"] = key,
            ["ConnectionStrings__Rft"] = _database.ConnectionString,
            ["Rft__Storage__DataFolder"] = Path.Combine(_folder, "data"),
            ["Rft__Storage__ModelRoot"] = Path.Combine(_folder, "models"),
            ["Rft__WorkerToken"] = "token-of-the-tests-0123456789",
        };
        _api = await ServiceProcess.StartAsync("Api", _folder, port, settings);
        _worker = await ServiceProcess.StartAsync("Worker", _folder, 0, settings);
        Client.BaseAddress = _api.Address;
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        await PostAsync("models", new { name = "quickstart", folder = "quickstart" });
        Reward = (await PostAsync("rewards", new
        {
            name = "right answer",
            grader = new { type = "numeric_answer", name = "answer", input = "{{sample.output_text}}", reference = "{{item.answer}}" },
        })).Text("id");
        await UploadAsync();
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        _worker.Dispose();
        _api.Dispose();
        await _database.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Id of the dataset of a kind.</summary>
    public string Dataset(string kind) => _datasets[kind];

    /// <summary>Posts something as JSON and reads the answer, which must be a success. What is null is left out.</summary>
    public async Task<JsonElement> PostAsync(string path, object? body = null)
    {
        using var content = body is null ? null : JsonContent.Create(body, options: LeavingOutNulls);
        return await ReadAsync(await Client.PostAsync(new Uri($"/api/v1/{path}", UriKind.Relative), content));
    }

    public async Task<JsonElement> GetAsync(string path) => await ReadAsync(await Client.GetAsync(new Uri($"/api/v1/{path}", UriKind.Relative)));

    /// <summary>Asks until it is true; says what the worker wrote when it has died or time runs out.</summary>
    public async Task UntilAsync(Func<Task<bool>> isTrue)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < EndsWithin; await Task.Delay(100))
        {
            if (await isTrue())
            {
                return;
            }

            Assert.False(_worker.HasExited, _worker.Output);
            Assert.False(_api.HasExited, _api.Output);
        }

        Assert.Fail($"It has not come true.\n{_worker.Output}");
    }

    /// <summary>Waits for the end of a run.</summary>
    public async Task<JsonElement> EndOfAsync(string run)
    {
        JsonElement found = default;
        await UntilAsync(async () => (found = await GetAsync($"runs/{run}")).GetProperty("finished_at").ValueKind != JsonValueKind.Null);
        return found;
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} {text}");
            return JsonElement.Parse(text);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void CopyModel(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(Repository.Path("deploy", "quickstart", "model")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
    }

    private async Task UploadAsync()
    {
        var corpus = Path.Combine(_folder, "corpus");
        using (var made = Process.Start(new ProcessStartInfo("dotnet", [ServiceProcess.Program("Quickstart"), "corpus", corpus]) { RedirectStandardOutput = true })!)
        {
            await made.WaitForExitAsync();
        }

        foreach (var (kind, file) in new[] { ("prompts", "train"), ("expert", "expert"), ("rollouts", "rollouts"), ("preferences", "preferences") })
        {
            // Semantic DPO needs a weight in each pair; to the other rules it is one more field.
            var rows = File.ReadLines(Path.Combine(corpus, $"{file}.jsonl")).Take(40).Select(row => kind == "preferences" ? row[..^1] + ",\"weight\":0.5}" : row);
            using var body = new StringContent(string.Join('\n', rows), Encoding.UTF8, "application/jsonl");
            _datasets[kind] = (await ReadAsync(await Client.PostAsync(new Uri($"/api/v1/datasets?name={file}&kind={kind}", UriKind.Relative), body))).Text("id");
        }
    }
}

internal static class JsonText
{
    public static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString()!;
}
