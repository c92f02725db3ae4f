using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RftService.Api.Datasets;
using RftService.Api.Hosting;
using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Datasets;

/// <summary>What only a real server shows: limits of bodies and connections that break.</summary>
public sealed class UploadsOverKestrelTests : IAsyncLifetime
{
    private const int Limit = 3_000_000;

    private readonly RftApi _api = new RftApi().With("Rft:Limits:DatasetBytes", $"{Limit}");

    public async Task InitializeAsync()
    {
        _api.UseKestrel(0);
        await _api.InitializeAsync();
        _api.Client.BaseAddress = new Uri(_api.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public Task DisposeAsync() => ((IAsyncLifetime)_api).DisposeAsync();

    [Fact]
    public async Task Upload_AboveTheLimitOfJsonBodies_IsTaken() => await UploadAsync(Limit - 1000, chunked: false).JsonAsync(201);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Upload_AboveItsOwnLimit_IsRefusedAndNothingStays(bool chunked)
    {
        await UploadAsync(Limit + 1000, chunked).ProblemAsync(413, "dataset_too_large");

        Assert.Empty(Files());
    }

    [Fact]
    public async Task Upload_BreaksOff_NothingStays()
    {
        var address = _api.Client.BaseAddress!;
        using (var connection = new TcpClient(address.Host, address.Port))
        {
            var head = $"POST /api/v1/datasets?name=a&kind=prompts HTTP/1.1\r\nHost: {address.Authority}\r\n"
                + $"Authorization: {_api.Client.DefaultRequestHeaders.Authorization}\r\nContent-Type: application/jsonl\r\nContent-Length: 2000000\r\n\r\n";
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head));
            await connection.GetStream().WriteAsync(Lines(1_000_000));
            await UntilAsync(() => Files().Count > 0);
        }

        await UntilAsync(() => Files().Count == 0);
    }

    [Fact]
    public async Task Sweeper_RemovesOnlyWhatNobodyWritesAnyMore()
    {
        var incoming = Directory.CreateDirectory(Path.Combine(_api.DataFolder, "incoming")).FullName;
        foreach (var (name, hours) in new[] { ("dataset-dead.jsonl", 2), ("dataset-dead.idx", 2), ("dataset-live.jsonl", 0), ("dataset-live.idx", 2), ("other.tmp", 2) })
        {
            await File.WriteAllTextAsync(Path.Combine(incoming, name), "");
            File.SetLastWriteTimeUtc(Path.Combine(incoming, name), DateTime.UtcNow.AddHours(-hours));
        }

        _api.Services.GetServices<IHostedService>().OfType<LeftoverSweeper>().Single().Sweep();

        Assert.Equal(["dataset-live.idx", "dataset-live.jsonl", "other.tmp"], Files().Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Orphans_FilesOfNoDataset_AreRemovedWhenTheyAreOld()
    {
        string[] names = [new('a', 64), new('b', 64)];
        foreach (var (name, hours) in names.Zip([2, 0]))
        {
            var folder = Directory.CreateDirectory(Path.Combine(_api.DataFolder, "datasets", name[..2])).FullName;
            foreach (var file in new[] { Path.Combine(folder, name + ".idx"), Path.Combine(folder, name + ".jsonl") })
            {
                await File.WriteAllTextAsync(file, "");
                File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(-hours));
            }
        }

        Assert.Equal(0, await RemoveOrphansAsync()); // a database without datasets may be the wrong one
        (await UploadAsync(100, chunked: false)).EnsureSuccessStatusCode().Dispose();
        foreach (var kept in Files().Where(file => !names.Contains(Path.GetFileNameWithoutExtension(file))))
        {
            File.SetLastWriteTimeUtc(kept, DateTime.UtcNow.AddHours(-2));
        }

        Assert.Equal(1, await RemoveOrphansAsync());
        Assert.DoesNotContain(Files(), file => Path.GetFileNameWithoutExtension(file) == names[0]);
        Assert.Equal(4, Files().Count);
    }

    private async Task<int> RemoveOrphansAsync()
    {
        await using var scope = _api.Services.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<DatasetStore>().RemoveOrphansAsync(DateTimeOffset.UtcNow.AddHours(-1), CancellationToken.None);
    }

    private async Task<HttpResponseMessage> UploadAsync(int bytes, bool chunked)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/datasets?name=a&kind=prompts")
        {
            Content = new ByteArrayContent(Lines(bytes)) { Headers = { ContentType = new MediaTypeHeaderValue("application/jsonl") } },
            Headers = { TransferEncodingChunked = chunked },
        };
        return await _api.Client.SendAsync(request);
    }

    private static byte[] Lines(int bytes)
    {
        var line = "{\"prompt\":\"a\"}\n"u8;
        var lines = new byte[bytes / line.Length * line.Length];
        for (var at = 0; at < lines.Length; at += line.Length)
        {
            line.CopyTo(lines.AsSpan(at));
        }

        return lines;
    }

    private IReadOnlyList<string> Files() =>
        [.. Directory.EnumerateFiles(_api.DataFolder, "*", SearchOption.AllDirectories)];

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var left = 200; !holds(); left--)
        {
            Assert.True(left > 0, "it did not happen within 20 s");
            await Task.Delay(100);
        }
    }
}
