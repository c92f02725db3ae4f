using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Datasets;

/// <summary>Run by hand with RFT_TEST_LARGE=1 and nothing else in the filter: the peak of memory belongs to the whole process.</summary>
public sealed class LargeFactAttribute : FactAttribute
{
    public LargeFactAttribute() => Skip = Environment.GetEnvironmentVariable("RFT_TEST_LARGE") == "1" ? null : "takes minutes and 1 GB of disk: set RFT_TEST_LARGE=1";
}

public sealed class LargeUploadTests : IAsyncLifetime
{
    private readonly RftApi _api = new RftApi().With("Rft:Limits:DatasetBytes", $"{2L << 30}");

    public async Task InitializeAsync()
    {
        _api.UseKestrel(0);
        await _api.InitializeAsync();
        _api.Client.BaseAddress = new Uri(_api.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        _api.Client.Timeout = Timeout.InfiniteTimeSpan;
    }

    public Task DisposeAsync() => ((IAsyncLifetime)_api).DisposeAsync();

    [LargeFact]
    public async Task Upload_OneGigabyte_StaysUnder300Megabytes()
    {
        var (watch, before) = (Stopwatch.StartNew(), Process.GetCurrentProcess().PeakWorkingSet64 >> 20);

        using var content = new Rows(1L << 30);
        var created = await _api.Client.PostAsync(new Uri("/api/v1/datasets?name=large&kind=prompts", UriKind.Relative), content).JsonAsync(201);

        var peak = Process.GetCurrentProcess().PeakWorkingSet64 >> 20;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{created.GetProperty("rows").GetInt32()} rows, {created.GetProperty("bytes").GetInt64()} bytes in {watch.Elapsed.TotalSeconds:F1} s, peak {peak} MiB (before: {before} MiB)"));
        Assert.InRange(peak, 0, 300);
    }

    /// <summary>Numbered rows of about 200 bytes, made as they are sent.</summary>
    private sealed class Rows : HttpContent
    {
        private readonly long _bytes;

        public Rows(long bytes) => (_bytes, Headers.ContentType) = (bytes, new MediaTypeHeaderValue("application/jsonl"));

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var (sent, row) = (0L, 0); sent < _bytes; row++)
            {
                var line = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                    $"{{\"prompt\":\"Problem {row}: a shop sells {row % 97} apples at {row % 13} coins each and gives back the change in coins of two. How many coins does a buyer of all apples pay?\",\"answer\":\"{row % 97 * (row % 13)}\"}}\n"));
                await stream.WriteAsync(line);
                sent += line.Length;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
