using System.Runtime.CompilerServices;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Tests;

/// <summary>
/// Loads libtorch before any test, with one thread: the tests' numbers must not depend on the machine. Whichever test touches a tensor first,
/// TorchSharp must not look for its library by itself.
/// </summary>
internal static class NativeReady
{
    [ModuleInitializer]
    public static void Load()
    {
        NativeTorch.Load();
        torch.set_num_threads(1);
    }
}
