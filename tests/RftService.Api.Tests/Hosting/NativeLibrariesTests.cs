using System.Diagnostics;

namespace RftService.Api.Tests.Hosting;

/// <summary>The Api describes learning rules and models without a tensor: it ships no libtorch and loads none.</summary>
public sealed class NativeLibrariesTests(RftApi api) : IClassFixture<RftApi>
{
    [Fact]
    public void OutputFolder_HoldsNoLibTorch()
    {
        var folder = Path.GetDirectoryName(typeof(Program).Assembly.Location)!;

        var found = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetFileName(file)).Where(IsLibTorch);

        Assert.Empty(found);
    }

    [Fact]
    public async Task Process_AfterRequests_HasLoadedNoLibTorch()
    {
        await api.Client.GetAsync(new Uri("/api/v1/algorithms", UriKind.Relative)).JsonAsync(200);
        await api.Client.PostTextAsync("/api/v1/rewards", Samples.Reward).JsonAsync(201);

        using var self = Process.GetCurrentProcess();
        Assert.DoesNotContain(self.Modules.Cast<ProcessModule>(), module => IsLibTorch(module.ModuleName));
    }

    private static bool IsLibTorch(string file) =>
        file.Contains("libtorch", StringComparison.OrdinalIgnoreCase) || file.Contains("LibTorchSharp", StringComparison.OrdinalIgnoreCase);
}
