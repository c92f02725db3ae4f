using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using RftService.Data.Models;
using RftService.Engine.Models;
using RftService.Grading.Outbound;
using RftService.Testing;
using RftService.Worker.Hosting;
using RftService.Worker.Hub;

namespace RftService.Worker.Tests.Hub;

public sealed class DownloadModelJobTests : IAsyncLifetime
{
    private const string Weights = "model.safetensors";

    private readonly TestRuns _runs = new();
    private readonly Lifetime _host = new();
    private HubServer _hub = null!;

    public async Task InitializeAsync()
    {
        await _runs.InitializeAsync();
        _hub = await HubServer.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _hub.DisposeAsync();
        await _runs.DisposeAsync();
    }

    [Fact]
    public async Task Execute_WholeModel_IsReadyAndDescribed()
    {
        _hub.Files.Add("README.md", [1]);
        _hub.Files.Add("consolidated.safetensors", [1]);
        _hub.Files.Add("../escape.json", [1]);
        var id = await RegisterAsync();

        await ExecuteAsync(token: "hf_secret");

        var model = await GetAsync(id);
        var expected = ModelFolder.Inspect(Repository.Path("deploy", "quickstart", "model"));
        Assert.Equal((ModelStatus.Ready, expected.Sha256, expected.Parameters, HubServer.Commit), (model.Status, model.Sha256, model.Parameters, model.HubCommit));
        Assert.Equal((expected.Family, expected.ContextLength, expected.HasChatTemplate), (model.Family, model.ContextLength, model.HasChatTemplate));
        Assert.Equal(
            Directory.EnumerateFiles(Repository.Path("deploy", "quickstart", "model")).Select(Path.GetFileName).Order(),
            Directory.EnumerateFiles(FolderOf(id)).Select(Path.GetFileName).Order());
        Assert.Equal(Directory.EnumerateFiles(FolderOf(id)).Sum(file => new FileInfo(file).Length), model.BytesDone);
        Assert.Equal(model.BytesDone, model.BytesTotal);

        // The token goes to the endpoint and stays with it.
        Assert.All(_hub.Requests, request => Assert.Equal(request.StartsWith("127.", StringComparison.Ordinal), request.EndsWith("Bearer hf_secret", StringComparison.Ordinal)));
        Assert.Contains(_hub.Requests, request => request.StartsWith("localhost/store/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Execute_ConnectionBreaksTwice_GoesOnWhereItStopped(bool knowsRanges)
    {
        _hub.KnowsRanges = knowsRanges;
        _hub.Cuts[Weights] = 600_000;
        _hub.Cuts["tokenizer.json"] = 1000;
        var id = await RegisterAsync();

        await ExecuteAsync();

        Assert.Equal(ModelStatus.Ready, (await GetAsync(id)).Status);
        Assert.Equal(1, _hub.Requests.Count(request => request.Contains("store/model.safetensors bytes=", StringComparison.Ordinal)));
        Assert.Equal(2, _hub.Requests.Count(request => request.Contains("resolve", StringComparison.Ordinal) && request.Contains("tokenizer.json", StringComparison.Ordinal)));
        Assert.Equal(_hub.Files.Values.Sum(file => (long)file.Length), (await GetAsync(id)).BytesDone);
    }

    [Fact]
    public async Task Execute_WorkerStoppedInMidFile_AnotherGoesOnFromThere()
    {
        _hub.Stall = (Weights, 700_000);
        var id = await RegisterAsync();

        var first = ExecuteAsync();
        await _hub.Stalled.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await UntilAsync(() => Partial(id) is { Exists: true, Length: 700_000 });
        _host.Stop();
        await first;
        var between = await GetAsync(id);
        _hub.Stall = null;
        await ExecuteAsync(new Lifetime());

        Assert.Equal((ModelStatus.Downloading, null), (between.Status, between.LeaseUntil));
        var model = await GetAsync(id);
        Assert.Equal((ModelStatus.Ready, 2), (model.Status, model.Attempt));
        Assert.Contains(_hub.Requests, request => request.StartsWith("localhost/store/model.safetensors bytes=700000-", StringComparison.Ordinal));
        Assert.Contains(_hub.Requests, request => request.Contains($"revision/{HubServer.Commit}", StringComparison.Ordinal)); // the commit of the first try
        Assert.Equal(1, _hub.Requests.Count(request => request.Contains("/config.json", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Execute_InMidFile_TellsItsSpeed()
    {
        _hub.Stall = (Weights, 700_000);
        var id = await RegisterAsync();

        var execution = ExecuteAsync();
        await UntilAsync(() => GetAsync(id).GetAwaiter().GetResult().BytesPerSecond > 0);
        _host.Stop();
        await execution;

        Assert.Null((await GetAsync(id)).BytesPerSecond); // it waits
    }

    [Fact]
    public async Task Execute_ModelDeletedMeanwhile_StopsAndClearsAway()
    {
        _hub.Stall = (Weights, 700_000);
        var id = await RegisterAsync();

        var execution = ExecuteAsync();
        await _hub.Stalled.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await using (var db = _runs.Open())
        {
            await db.Models.Where(model => model.Id == id).ExecuteDeleteAsync();
        }

        await execution.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.False(Directory.Exists(FolderOf(id)));
    }

    [Theory]
    [InlineData(1, ModelStatus.Ready)]
    [InlineData(2, ModelStatus.Failed)]
    public async Task Execute_WrongChecksum_IsBroughtAgainOnceThenRefused(int times, ModelStatus expected)
    {
        _hub.Damages[Weights] = times;
        var id = await RegisterAsync();

        await ExecuteAsync();

        var model = await GetAsync(id);
        Assert.Equal(expected, model.Status);
        Assert.Equal(expected == ModelStatus.Failed ? "checksum_mismatch model.safetensors" : null, Failure(model));
        Assert.Equal(expected == ModelStatus.Ready, File.Exists(Path.Combine(FolderOf(id), Weights)));
        Assert.False(Partial(id).Exists);
    }

    [Fact]
    public async Task Execute_UnsupportedFamily_IsRefusedBeforeTheWeights()
    {
        var config = JsonNode.Parse(_hub.Files["config.json"])!;
        config["architectures"] = new JsonArray("MambaForCausalLM");
        _hub.Files["config.json"] = JsonSerializer.SerializeToUtf8Bytes(config);
        var id = await RegisterAsync();

        await ExecuteAsync();

        Assert.Equal("model_unreadable config.json /architectures/0", Failure(await GetAsync(id)));
        Assert.DoesNotContain(_hub.Requests, request => request.Contains(Weights, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Execute_Shards_BringsThoseOfTheIndex()
    {
        _hub.Files.Add("model-00001-of-00002.safetensors", _hub.Files[Weights]);
        _hub.Files.Remove(Weights);
        _hub.Files.Add("model.safetensors.index.json", """{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}"""u8.ToArray());
        var id = await RegisterAsync();

        await ExecuteAsync();

        Assert.Equal("weights_missing model-00002-of-00002.safetensors", Failure(await GetAsync(id)));
    }

    [Theory]
    [InlineData(401, "hub_access_denied")]
    [InlineData(404, "hub_not_found")]
    [InlineData(503, "hub_unavailable")]
    [InlineData(429, "hub_unavailable")]
    public async Task Execute_HubRefuses_FailsWithItsCode(int status, string code)
    {
        _hub.Status = status;
        var id = await RegisterAsync();

        await ExecuteAsync();

        Assert.Equal(code, Failure(await GetAsync(id)));
        Assert.Equal(status is 401 or 404 ? 1 : 3, _hub.Requests.Count); // what may pass is tried again
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Execute_AddressNotAllowed_IsRefused(bool network, bool http)
    {
        var id = await RegisterAsync();

        await ExecuteAsync(outbound: new OutboundOptions { AllowHttp = http, AllowedNetworks = network ? ["127.0.0.0/8"] : [] });

        Assert.Equal("hub_address_refused", Failure(await GetAsync(id)));
        Assert.Empty(_hub.Requests);
    }

    [Fact]
    public async Task Execute_LargerThanAllowed_IsRefusedBeforeTheWeights()
    {
        var id = await RegisterAsync();

        await ExecuteAsync(maxBytes: 1_000_000);

        Assert.Equal("model_too_large", Failure(await GetAsync(id)));
        Assert.DoesNotContain(_hub.Requests, request => request.Contains(Weights, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Execute_NothingWaits_ReturnsAtOnce()
    {
        await _runs.AddProjectAsync(); // its model is ready

        await ExecuteAsync();

        Assert.Empty(_hub.Requests);
    }

    [Fact]
    public async Task Worker_RegisteredModel_IsDownloadedThroughHangfire()
    {
        var id = await RegisterAsync();

        await using var worker = await WorkerHost.StartAsync(_runs, settings: new()
        {
            ["Rft:Hub:Endpoint"] = _hub.Endpoint,
            ["Rft:Outbound:AllowHttp"] = "true",
            ["Rft:Outbound:AllowedNetworks:0"] = "127.0.0.0/8",
            ["Rft:Outbound:AllowedNetworks:1"] = "::1/128",
        });

        await UntilAsync(() => GetAsync(id).Result.Status == ModelStatus.Ready);
    }

    private static string? Failure(BaseModel model) => model.FailureJson is { } json && JsonNode.Parse(json) is { } failure
        ? string.Join(' ', new[] { "code", "file", "pointer" }.Select(name => (string?)failure[name]).OfType<string>())
        : null;

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(20, patience.Token);
        }
    }

    private async Task<Guid> RegisterAsync()
    {
        var project = await _runs.AddProjectAsync();
        var id = Guid.CreateVersion7();
        await using var db = _runs.Open();
        db.Models.Add(new BaseModel
        {
            Id = id,
            ProjectId = project.Id,
            Name = "far",
            Folder = BaseModel.HubPrefix + id.ToString("N"),
            Status = ModelStatus.Downloading,
            HubId = "org/far@v1",
            Family = "",
            Parameters = 0,
            ContextLength = 0,
            VocabularySize = 0,
            Dtype = "",
            TiedEmbeddings = false,
            HasChatTemplate = false,
            Sha256 = "",
            Bytes = 0,
            CreatedAt = DateTimeOffset.UtcNow,
        });
        await db.SaveChangesAsync();
        return id;
    }

    private async Task ExecuteAsync(Lifetime? host = null, string? token = null, OutboundOptions? outbound = null, long maxBytes = long.MaxValue)
    {
        var options = Options.Create(new HubOptions
        {
            Endpoint = _hub.Endpoint,
            Token = token,
            RetrySeconds = 0.01,
            MaxTries = 3,
            StallSeconds = 10,
            MaxBytes = maxBytes,
        });
        using var client = new HubClient(
            options, Options.Create(outbound ?? new OutboundOptions { AllowHttp = true, AllowedNetworks = ["127.0.0.0/8", "::1/128"] }));
        var worker = Options.Create(new WorkerOptions { LeaseSeconds = 2 });
        var job = new DownloadModelJob(
            new ModelDownloads(_runs.Source, worker),
            new ModelDownload(client, new FileDownload(client, options, NullLogger<FileDownload>.Instance), options),
            _runs.Paths, worker, TimeProvider.System, host ?? _host, NullLogger<DownloadModelJob>.Instance);
        await job.ExecuteNextAsync(CancellationToken.None);
    }

    private async Task<BaseModel> GetAsync(Guid id)
    {
        await using var db = _runs.Open();
        return await db.Models.AsNoTracking().SingleAsync(model => model.Id == id);
    }

    private string FolderOf(Guid id) => _runs.Paths.InModels(BaseModel.HubPrefix + id.ToString("N"));

    private FileInfo Partial(Guid id) => new(Path.Combine(FolderOf(id), Weights + ".partial"));

#pragma warning disable CA1001 // a source without a timer holds nothing
    private sealed class Lifetime : IHostApplicationLifetime
#pragma warning restore CA1001
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => _stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void Stop() => _stopping.Cancel();

        public void StopApplication() => Stop();
    }
}
