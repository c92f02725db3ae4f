using System.Runtime.InteropServices;

namespace RftService.Engine.Checkpoints;

/// <summary>
/// Gives pages of a mapped file back to the system. What has been read stays resident otherwise, and counts against the process, until the
/// file is closed: a checkpoint that is copied into tensors would be there twice.
/// </summary>
internal static partial class MappedPages
{
    private const int DontNeed = 4; // MADV_DONTNEED

    /// <summary>Bytes that may be resident before they are given back.</summary>
    public const long Allowance = 16 << 20;

    /// <summary>Drops the pages of a read-only mapping; reading them again works as before.</summary>
    public static unsafe void Release(byte* start, long length)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = Advise(start, (nuint)length, DontNeed); // advice only: nothing is lost where it is not taken
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static unsafe partial int Advise(byte* start, nuint length, int advice);
}
