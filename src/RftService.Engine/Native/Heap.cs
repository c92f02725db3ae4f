using System.Runtime.InteropServices;

namespace RftService.Engine.Native;

/// <summary>
/// How the C library keeps what tensors free. By default it keeps blocks up to 32 MB for itself: fast, but a micro-batch was then measured at
/// up to three times the memory that its tensors have.
/// </summary>
internal static partial class Heap
{
    private const int TrimThreshold = -1;
    private const int MapThreshold = -3;
    private const int Megabyte = 1 << 20;
    private static bool _returning;

    /// <summary>Whether blocks of a megabyte and more go back to the system at once, at the price of making them anew each time.</summary>
    public static void ReturnLargeBlocks(bool on)
    {
        // Untouched until it is wanted: setting a value ends the adjustment that the library makes by itself; 32 and 64 MB are where that ends.
        if (OperatingSystem.IsLinux() && on != _returning)
        {
            try
            {
                _ = Option(MapThreshold, (on ? 1 : 32) * Megabyte);
                _ = Option(TrimThreshold, (on ? 1 : 64) * Megabyte);
                _returning = on;
            }
            catch (EntryPointNotFoundException)
            {
                // another C library than glibc, with other habits
            }
        }
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

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int Option(int parameter, int value);
}
