using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using RftService.Data.Storage;

namespace RftService.Data.Datasets;

/// <summary>
/// Rows of a stored dataset by position. Beside the JSONL lies an index of int64 little-endian row starts with the file's length
/// at its end, so that any row of any size of file is two reads. Safe for use from several threads.
/// </summary>
public sealed class DatasetFile : IDisposable
{
    private readonly SafeFileHandle _rows;
    private readonly SafeFileHandle _index;

    private DatasetFile(SafeFileHandle rows, SafeFileHandle index)
    {
        (_rows, _index) = (rows, index);
        Count = checked((int)(RandomAccess.GetLength(index) / sizeof(long)) - 1);
    }

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <exception cref="IOException">The files are gone or cannot be read.</exception>
    public static DatasetFile Open(ArtifactPaths paths, string sha256) =>
        new(File.OpenHandle(paths.Dataset(sha256)), File.OpenHandle(paths.DatasetIndex(sha256)));

    /// <summary>The bytes of one row, line end excluded.</summary>
    public byte[] Read(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Count);

        Span<byte> offsets = stackalloc byte[2 * sizeof(long)];
        Fill(_index, offsets, (long)row * sizeof(long));
        var start = BinaryPrimitives.ReadInt64LittleEndian(offsets);
        var end = BinaryPrimitives.ReadInt64LittleEndian(offsets[sizeof(long)..]);

        var bytes = new byte[end - start];
        Fill(_rows, bytes, start);
        return bytes.AsSpan().TrimEnd("\r\n"u8).ToArray();
    }

    public void Dispose()
    {
        _rows.Dispose();
        _index.Dispose();
    }

    private static void Fill(SafeFileHandle file, Span<byte> target, long offset)
    {
        while (target.Length > 0)
        {
            var read = RandomAccess.Read(file, target, offset);
            if (read == 0)
            {
                throw new InvalidDataException("The dataset file is shorter than its index says.");
            }

            target = target[read..];
            offset += read;
        }
    }
}
