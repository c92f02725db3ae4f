using System.Runtime.Versioning;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Tests.Native;

public sealed class NativeTorchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rft-native-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Load_CalledFromManyThreads_TensorsWork()
    {
        Parallel.For(0, 4, _ => NativeTorch.Load());

        using var sum = torch.tensor(new[] { 1f, 2f }).sum();
        Assert.Equal(3f, sum.item<float>());
    }

    [Fact]
    public void Load_AfterTensorsRan_OutputFolderHoldsNoNativeTorch()
    {
        NativeTorch.Load();
        torch.ones(1).Dispose();

        var copies = Directory.EnumerateFiles(AppContext.BaseDirectory, "lib*torch*.so*", SearchOption.AllDirectories).ToList();
        Assert.Empty(copies);
    }

    [Fact]
    public void MakeOptional_UnknownVersion_IsRefused()
    {
        var shim = Path.Combine((string)AppContext.GetData("RftService.TorchShim")!, "libLibTorchSharp.so");

        var refused = Assert.Throws<InvalidOperationException>(() => ElfVersionPatch.MakeOptional(File.ReadAllBytes(shim), "GLIBCXX_9.9.9"));
        Assert.Contains("found 0", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MakeOptional_KnownShim_ChangesOneByte()
    {
        var shim = File.ReadAllBytes(Path.Combine((string)AppContext.GetData("RftService.TorchShim")!, "libLibTorchSharp.so"));

        var patched = ElfVersionPatch.MakeOptional(shim, "GLIBCXX_3.4.32");

        var changed = Enumerable.Range(0, shim.Length).Where(i => shim[i] != patched[i]).ToList();
        Assert.Equal((byte)(shim[Assert.Single(changed)] | 2), patched[changed[0]]);
    }

    [Fact]
    public void MakeOptional_NoElfFile_IsRefused() =>
        Assert.Throws<InvalidOperationException>(() => ElfVersionPatch.MakeOptional(new byte[100], "GLIBCXX_3.4.32"));

    [Fact]
    public void MakeOptional_TruncatedFile_IsRefused()
    {
        var shim = File.ReadAllBytes(Path.Combine((string)AppContext.GetData("RftService.TorchShim")!, "libLibTorchSharp.so"));

        Assert.Throws<InvalidOperationException>(() => ElfVersionPatch.MakeOptional(shim[..4096], "GLIBCXX_3.4.32"));
    }

    [Fact]
    public void Store_TamperedFile_IsWrittenAgain()
    {
        byte[] library = [1, 2, 3];
        var path = NativeTorch.Store(library, Path.Combine(_folder, "cache"));
        File.WriteAllBytes(path, [9, 9, 9]);

        Assert.Equal(path, NativeTorch.Store(library, Path.Combine(_folder, "cache")));
        Assert.Equal(library, File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "cache")));
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void Store_NewFolder_IsClosedToOthers()
    {
        var cache = Path.Combine(_folder, "cache");
        NativeTorch.Store([1], cache);

        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(cache));
    }
}
