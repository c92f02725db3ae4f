using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Tests.Models;

/// <summary>Loads libtorch once, with one thread: the tests' numbers must not depend on the machine.</summary>
internal static class NativeReady
{
    private static readonly Lazy<bool> Ready = new(() =>
    {
        NativeTorch.Load();
        torch.set_num_threads(1);
        return true;
    });

    public static void Load() => _ = Ready.Value;
}
