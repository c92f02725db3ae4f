using System.Formats.Tar;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using RftService.Api.Tests.Hosting;
using RftService.Engine.Checkpoints;
using RftService.Engine.Models;
using RftService.Testing;

namespace RftService.Api.Tests.Checkpoints;

public sealed class CheckpointsEndpointsTests(RftApi api) : IClassFixture<RftApi>
{
    private static readonly byte[] _weights = [.. Enumerable.Range(0, 100_000).Select(index => (byte)index)];

    private static readonly Dictionary<string, byte[]> _files = new()
    {
        ["config.json"] = "{}"u8.ToArray(),
        ["model.safetensors"] = _weights,
        ["trainer/state.json"] = "{\"step\":1}"u8.ToArray(),
    };

    [Fact]
    public async Task List_NewestFirst()
    {
        var (run, first) = await api.AddCheckpointAsync(_files);
        var (_, second) = await api.AddCheckpointAsync(_files, step: 2, run: run);

        var page = await api.Client.GetAsync($"/api/v1/runs/run_{run:N}/checkpoints").JsonAsync(200);

        Assert.Equal([$"ck_{second:N}", $"ck_{first:N}"], page.GetProperty("data").EnumerateArray().Select(checkpoint => checkpoint.Text("id")));
        Assert.Equal($"run_{run:N}", page.GetProperty("data")[0].Text("run_id"));
        await api.Stranger.GetAsync($"/api/v1/runs/run_{run:N}/checkpoints").ProblemAsync(404, "not_found");
    }

    [Fact]
    public async Task Get_ListsTheManifestsFiles()
    {
        var (_, id) = await api.AddCheckpointAsync(_files);

        var checkpoint = await api.Client.GetAsync($"/api/v1/checkpoints/ck_{id:N}").JsonAsync(200);

        var files = checkpoint.GetProperty("files").EnumerateArray().ToDictionary(file => file.Text("name"), file => file.Text("sha256"));
        Assert.Equal(["manifest.json", "config.json", "model.safetensors", "trainer/state.json"], files.Keys);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(_weights)), files["model.safetensors"]);
        Assert.Equal(checkpoint.Text("sha256"), files["manifest.json"]);
    }

    [Fact]
    public async Task File_RangesAndEntityTag()
    {
        var (_, id) = await api.AddCheckpointAsync(_files);
        var path = new Uri($"/api/v1/checkpoints/ck_{id:N}/files/model.safetensors", UriKind.Relative);

        var whole = await api.Client.GetAsync(path);
        Assert.Equal(_weights, await whole.Content.ReadAsByteArrayAsync());
        Assert.Equal($"\"{Convert.ToHexStringLower(SHA256.HashData(_weights))}\"", whole.Headers.ETag?.Tag);

        var ranged = await RangeAsync(path, "bytes=300-305");
        Assert.Equal((HttpStatusCode.PartialContent, "300-305/100000"), (ranged.StatusCode, ranged.Content.Headers.ContentRange!.ToString()[6..]));
        Assert.Equal(_weights[300..306], await ranged.Content.ReadAsByteArrayAsync());
        Assert.Equal(_weights[^5..], await (await RangeAsync(path, "bytes=-5")).Content.ReadAsByteArrayAsync());

        using var known = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { IfNoneMatch = { whole.Headers.ETag! } } };
        Assert.Equal(HttpStatusCode.NotModified, (await api.Client.SendAsync(known)).StatusCode);
    }

    [Theory]
    [InlineData("bytes=100000-", 416)]
    [InlineData("bytes=9-1", 200)]
    [InlineData("bytes=0-0,1-1,2-2,3-3,4-4,5-5", 200)]
    [InlineData("bytes=99999999999999999999-", 200)]
    public async Task File_AbusedRange_AnswersWholeOrRefuses(string range, int status)
    {
        var (_, id) = await api.AddCheckpointAsync(_files);

        Assert.Equal(status, (int)(await RangeAsync(new Uri($"/api/v1/checkpoints/ck_{id:N}/files/model.safetensors", UriKind.Relative), range)).StatusCode);
    }

    [Theory]
    [InlineData("..%2F..%2Fsecret.txt")]
    [InlineData("trainer/..%2F..%2Fsecret.txt")]
    [InlineData("%2Fetc%2Fpasswd")]
    [InlineData("..%5C..%5Csecret.txt")]
    [InlineData("Config.json")]
    [InlineData("unlisted.txt")]
    [InlineData("trainer")]
    public async Task File_NotOfTheManifest_IsNotFound(string name)
    {
        var (run, id) = await api.AddCheckpointAsync(_files);
        var folder = Path.Combine(api.DataFolder, "runs", run.ToString("N"), "attempt-1", "step-00000001");
        await File.WriteAllTextAsync(Path.Combine(folder, "unlisted.txt"), "secret");
        await File.WriteAllTextAsync(Path.Combine(folder, "..", "secret.txt"), "secret");

        await api.Client.GetAsync($"/api/v1/checkpoints/ck_{id:N}/files/{name}").ProblemAsync(404, "not_found");
    }

    [Fact]
    public async Task Missing_Folder_IsAProblemThatSaysSo()
    {
        var (run, id) = await api.AddCheckpointAsync(_files);
        Directory.Delete(Path.Combine(api.DataFolder, "runs", run.ToString("N")), recursive: true);

        foreach (var below in new[] { "", "/files/config.json", "/archive" })
        {
            await api.Client.GetAsync($"/api/v1/checkpoints/ck_{id:N}{below}").ProblemAsync(404, "checkpoint_files_missing");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("/files/config.json")]
    [InlineData("/archive")]
    public async Task Foreign_IsNotFound(string below)
    {
        var (_, id) = await api.AddCheckpointAsync(_files);

        await api.Stranger.GetAsync($"/api/v1/checkpoints/ck_{id:N}{below}").ProblemAsync(404, "not_found");
        await api.Client.GetAsync($"/api/v1/checkpoints/ck_nonsense{below}").ProblemAsync(404, "not_found");
        await api.ClientWith(null).GetAsync($"/api/v1/checkpoints/ck_{id:N}{below}").ProblemAsync(401, "unauthorized");
    }

    [Theory]
    [InlineData("", new[] { "manifest.json", "config.json", "model.safetensors" })]
    [InlineData("?layout=merged", new[] { "manifest.json", "config.json", "model.safetensors" })]
    [InlineData("?include_trainer=true", new[] { "manifest.json", "config.json", "model.safetensors", "trainer/state.json" })]
    public async Task Archive_WholeModel_HoldsItsFiles(string query, string[] names)
    {
        var (_, id) = await api.AddCheckpointAsync(_files);

        var entries = await EntriesAsync($"/api/v1/checkpoints/ck_{id:N}/archive{query}");

        Assert.Equal(names.Select(name => $"ck_{id:N}/{name}"), entries.Keys);
        Assert.Equal(_weights, entries[$"ck_{id:N}/model.safetensors"]);
    }

    [Fact]
    public async Task Archive_BadQuery_NamesTheParameter()
    {
        var (_, id) = await api.AddCheckpointAsync(_files, isAdapter: true);

        Assert.Equal(["?layout invalid_format"],
            (await api.Client.GetAsync($"/api/v1/checkpoints/ck_{id:N}/archive?layout=zip").ProblemAsync(400, "invalid_request")).Places());
        Assert.Equal(["?include_trainer invalid_value"],
            (await api.Client.GetAsync($"/api/v1/checkpoints/ck_{id:N}/archive?layout=merged&include_trainer=true").ProblemAsync(400, "invalid_request")).Places());
    }

    [Fact]
    public async Task Archive_AdapterOverALostModel_IsRefused()
    {
        var (_, id) = await api.AddCheckpointAsync(_files, isAdapter: true);

        await api.Client.GetAsync($"/api/v1/checkpoints/ck_{id:N}/archive?layout=merged").ProblemAsync(422, "model_unreadable");
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(api.DataFolder, "*.partial", SearchOption.AllDirectories), _ => true);
    }

    [Fact]
    public async Task Archive_MergedAdapter_IsAWholeModel()
    {
        var source = Repository.Path("deploy", "quickstart", "model");
        var target = Directory.CreateDirectory(Path.Combine(api.ModelRoot, "base"));
        foreach (var file in Directory.EnumerateFiles(source))
        {
            File.Copy(file, Path.Combine(target.FullName, Path.GetFileName(file)), overwrite: true);
        }

        var config = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(source, "config.json")))!;
        var (hidden, layers) = (config["hidden_size"]!.GetValue<int>(), config["num_hidden_layers"]!.GetValue<int>());
        // Rank 1, A = 1 and B = 0.5 throughout, alpha 2: every weight of q_proj grows by 2/1 · 0.5 · 1 = 1.
        var adapter = CheckpointFolders.SafeTensors(Enumerable.Range(0, layers).SelectMany(layer => new[]
        {
            ($"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_A.weight", new[] { 1, hidden }, 1f),
            ($"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_B.weight", [hidden, 1], 0.5f),
        }));
        var model = await api.Database.AddModelAsync(api.ProjectId, "base");
        var (_, id) = await api.AddCheckpointAsync(
            new Dictionary<string, byte[]>
            {
                ["adapter_config.json"] = Encoding.UTF8.GetBytes(
                    """{"peft_type":"LORA","task_type":"CAUSAL_LM","r":1,"lora_alpha":2,"target_modules":["q_proj"],"bias":"none"}"""),
                ["adapter_model.safetensors"] = adapter,
            },
            isAdapter: true, model: model);

        var path = $"/api/v1/checkpoints/ck_{id:N}/archive?layout=merged";
        var entries = await EntriesAsync(path);
        var again = await EntriesAsync(path);

        Assert.Equal(entries.Values.SelectMany(content => content), again.Values.SelectMany(content => content));
        var merged = Directory.CreateDirectory(Path.Combine(api.Folder, "unpacked")).FullName;
        foreach (var (name, content) in entries)
        {
            await File.WriteAllBytesAsync(Path.Combine(merged, Path.GetFileName(name)), content);
        }

        Assert.Equal("float32", ModelFolder.Inspect(merged).Dtype);
        using var before = SafeTensorsFolder.Open(source);
        using var after = SafeTensorsFolder.Open(merged);
        const string weight = "model.layers.0.self_attn.q_proj.weight";
        var (old, grown) = (new float[hidden], new float[hidden]);
        before.CopyTo(weight, 0, old);
        after.CopyTo(weight, 0, grown);
        Assert.Equal(old.Select(value => value + 1f), grown);
    }

    private async Task<Dictionary<string, byte[]>> EntriesAsync(string path)
    {
        using var response = await api.Client.GetAsync(path);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        Assert.Equal("application/x-tar", response.Content.Headers.ContentType?.MediaType);
        await using var tar = new TarReader(await response.Content.ReadAsStreamAsync());
        var entries = new Dictionary<string, byte[]>();
        while (await tar.GetNextEntryAsync(copyData: true) is { } entry)
        {
            using var content = new MemoryStream();
            await (entry.DataStream ?? Stream.Null).CopyToAsync(content);
            entries.Add(entry.Name, content.ToArray());
        }

        return entries;
    }

    private async Task<HttpResponseMessage> RangeAsync(Uri path, string range)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Range", range);
        return await api.Client.SendAsync(request);
    }
}
