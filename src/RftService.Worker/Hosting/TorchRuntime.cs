using Microsoft.Extensions.Options;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Worker.Hosting;

/// <summary>Readies a thread for tensors.</summary>
internal sealed class TorchRuntime(IOptions<WorkerOptions> options)
{
    public string Device => options.Value.Device;

    /// <summary>Loads the native libraries on first use, and bounds the calling thread's tensor operations: OpenMP counts per thread.</summary>
    /// <exception cref="InvalidOperationException">A library is missing or does not load.</exception>
    public void UseOnThisThread()
    {
        NativeTorch.Load(options.Value.LibTorchFolder, options.Value.TorchCacheFolder);
        torch.set_num_threads(options.Value.Threads);
    }
}
