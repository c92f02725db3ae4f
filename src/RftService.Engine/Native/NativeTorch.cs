using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Security.Cryptography;
using TorchSharp;

namespace RftService.Engine.Native;

/// <summary>
/// Loads libtorch and TorchSharp's shim before the first tensor. TorchSharp 0.107 asks for a newer libstdc++ than Debian 12 and
/// Ubuntu 22.04 have; where its shim does not load, a copy without that demand is made (see <see cref="ElfVersionPatch"/>).
/// </summary>
public static class NativeTorch
{
    private const string ShimName = "LibTorchSharp";
    private const string ShimFile = "libLibTorchSharp.so";
    private const string MissingVersion = "GLIBCXX_3.4.32";

    // Each by absolute path, dependencies first: the loader then finds them by their names, with no LD_LIBRARY_PATH.
    private static readonly string[] Required = ["libc10.so", "libtorch_cpu.so"];
    private static readonly string[] CudaOnly = ["libc10_cuda.so", "libtorch_cuda.so"];

    private static readonly Lock Gate = new();
    private static IntPtr _shim;

    /// <summary>
    /// Loads the native libraries; later calls do nothing, whatever their arguments. Call it before the first use of a tensor.
    /// </summary>
    /// <param name="libTorchFolder">Folder with libtorch_cpu.so; null: beside the program, or where the build says it is.</param>
    /// <param name="cacheFolder">Private folder for a patched shim, made when needed; null: below the program's folder.</param>
    /// <exception cref="InvalidOperationException">A library is missing or does not load.</exception>
    public static void Load(string? libTorchFolder = null, string? cacheFolder = null)
    {
        lock (Gate)
        {
            if (_shim != IntPtr.Zero)
            {
                return;
            }

            Heap.ShareArena();
            PreloadLibTorch(Find("libtorch_cpu.so", libTorchFolder, "RftService.LibTorch"));
            _shim = LoadShim(
                Path.Combine(Find(ShimFile, libTorchFolder, "RftService.TorchShim"), ShimFile),
                cacheFolder ?? Path.Combine(AppContext.BaseDirectory, "torch-shim"));
            Register(typeof(torch).Assembly, _shim);
        }
    }

    private static string Find(string file, string? given, string setting)
    {
        // A published program brings its own libraries; the folder in the runtimeconfig is that of the machine that built it.
        string?[] folders =
        [
            given,
            Path.Combine(AppContext.BaseDirectory, "libtorch"),
            AppContext.GetData(setting) as string,
            AppContext.BaseDirectory,
            Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"),
        ];
        return folders.FirstOrDefault(folder => folder is { Length: > 0 } && File.Exists(Path.Combine(folder, file)))
            ?? throw new InvalidOperationException(
                $"{file} was not found in: {string.Join(", ", folders.Where(folder => folder is { Length: > 0 }))}. "
                + "Build with UsesLibTorch=true, publish the program, or give the folder of a libtorch 2.10.");
    }

    private static void PreloadLibTorch(string folder)
    {
        foreach (var gomp in Directory.EnumerateFiles(folder, "libgomp*.so*").Order(StringComparer.Ordinal))
        {
            NativeLibrary.Load(gomp);
        }

        foreach (var file in Required)
        {
            Preload(folder, file);
        }

        foreach (var file in CudaOnly.Where(file => File.Exists(Path.Combine(folder, file))))
        {
            Preload(folder, file);
        }

        Preload(folder, "libtorch.so");
    }

    private static void Preload(string folder, string file)
    {
        try
        {
            NativeLibrary.Load(Path.Combine(folder, file));
        }
        catch (DllNotFoundException failure)
        {
            throw new InvalidOperationException($"libtorch in {folder} does not load: {failure.Message}", failure);
        }
    }

    private static IntPtr LoadShim(string path, string cacheFolder)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException failure) when (failure.Message.Contains(MissingVersion, StringComparison.Ordinal))
        {
            var patched = ElfVersionPatch.MakeOptional(File.ReadAllBytes(path), MissingVersion);
            return NativeLibrary.Load(Store(patched, cacheFolder));
        }
        catch (DllNotFoundException failure)
        {
            throw new InvalidOperationException($"TorchSharp's native library does not load: {failure.Message}", failure);
        }
    }

    /// <summary>
    /// Writes the library under the hash of its content. What lies there already is used only when it still has that content:
    /// loading a file is running it, so the folder is closed to others.
    /// </summary>
    internal static string Store(byte[] library, string cacheFolder)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("The shim is patched on Linux only.");
        }

        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(cacheFolder, ownerOnly);
        File.SetUnixFileMode(cacheFolder, ownerOnly);

        var hash = SHA256.HashData(library);
        var path = Path.Combine(cacheFolder, Convert.ToHexStringLower(hash) + ".so");
        if (File.Exists(path) && SHA256.HashData(File.ReadAllBytes(path)).AsSpan().SequenceEqual(hash))
        {
            return path;
        }

        var temporary = Path.Combine(cacheFolder, Path.GetRandomFileName());
        File.WriteAllBytes(temporary, library);
        File.Move(temporary, path, overwrite: true); // another process may load the old file at this moment: never write into it
        return path;
    }

    private static void Register(Assembly torchSharp, IntPtr shim)
    {
        NativeLibrary.SetDllImportResolver(torchSharp, (name, _, _) => name == ShimName ? shim : IntPtr.Zero);

        // TorchSharp also looks for the shim by name, past the resolver. If that failed it would copy 490 MB into the output folder.
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) => name == ShimName ? shim : IntPtr.Zero;
    }
}
