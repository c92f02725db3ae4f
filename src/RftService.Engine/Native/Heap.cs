using System.Runtime.InteropServices;

namespace RftService.Engine.Native;

/// <summary>
/// How the C library keeps what tensors free. By itself it gives a large block back to the system and takes it again a moment later: some 40 ms of
/// a step of 1 s went into that.
/// </summary>
internal static partial class Heap
{
    private const int TrimThreshold = -1;
    private const int MapThreshold = -3;
    private const int ArenaMax = -8;
    private const int Megabyte = 1 << 20;

    /// <summary>Lets all threads share the first arena: those that others get are cut up into pieces of 64 MB, for which no threshold holds.</summary>
    public static void ShareArena() => Set(ArenaMax, 1);

    /// <summary>
    /// Whether blocks of a megabyte and more go back to the system at once, at the price of making them anew each time; otherwise they stay with
    /// the process until <see cref="ReturnFreed"/>.
    /// </summary>
    public static void ReturnLargeBlocks(bool on)
    {
        Set(MapThreshold, (on ? 1 : 512) * Megabyte);
        Set(TrimThreshold, (on ? 1 : 1024) * Megabyte);
    }

    /// <summary>Gives all that is free back to the system: after a run, its memory would otherwise stay with the process.</summary>
    public static void ReturnFreed()
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = Trim(0);
            }
            catch (EntryPointNotFoundException)
            {
                // another C library than glibc
            }
        }
    }

    private static void Set(int parameter, int value)
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = Option(parameter, value);
            }
            catch (EntryPointNotFoundException)
            {
                // another C library than glibc, with other habits
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int Option(int parameter, int value);
}
