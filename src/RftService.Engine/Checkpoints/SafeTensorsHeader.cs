using System.Buffers.Binary;
using System.Text.Json;
using RftService.Engine.Models;

namespace RftService.Engine.Checkpoints;

/// <summary>The checked header of a safetensors file: an 8-byte length, JSON of that length, then the data without gaps.</summary>
internal sealed record SafeTensorsHeader(IReadOnlyList<(SafeTensorsEntry Entry, long Start)> Tensors)
{
    private const long MaxHeader = 100_000_000; // as in the reference implementation
    private const string Copy = "Upload a complete copy of the file.";

    /// <exception cref="ModelFolderException">The file is missing, truncated or malformed; names the tensor.</exception>
    public static SafeTensorsHeader Read(string path)
    {
        var name = Path.GetFileName(path);
        if (!File.Exists(path))
        {
            throw new ModelFolderException(name, "", "The file is missing.", Copy);
        }

        using var stream = File.OpenRead(path);
        Span<byte> prefix = stackalloc byte[8];
        var length = stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(prefix) : 0;
        if (length is 0 or > MaxHeader || (long)length > stream.Length - 8)
        {
            throw new ModelFolderException(name, "", $"The header is said to have {length} bytes; the file has {stream.Length}.", Copy);
        }

        var json = new byte[length];
        stream.ReadExactly(json);
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new SafeTensorsHeader(Check(document.RootElement, name, 8 + (long)length, stream.Length));
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new ModelFolderException(name, "", $"The header is no safetensors header: {malformed.Message}", Copy, malformed);
        }
    }

    private static List<(SafeTensorsEntry Entry, long Start)> Check(JsonElement header, string file, long dataStart, long fileLength)
    {
        var tensors = new List<(SafeTensorsEntry Entry, long Start, long End)>();
        foreach (var member in header.EnumerateObject().Where(member => member.Name != "__metadata__"))
        {
            tensors.Add(Tensor(member, file));
        }

        // The data must be used up exactly, tensor after tensor: anything else is damage or two tensors in one place.
        tensors.Sort((a, b) => (a.Start, a.End).CompareTo((b.Start, b.End)));
        var expected = 0L;
        foreach (var (entry, start, end) in tensors)
        {
            if (start != expected)
            {
                var what = start < expected ? "overlaps the tensor before it" : "leaves a gap before it";
                throw new ModelFolderException(file, entry.Name, $"{entry.Name} {what}: expected offset {expected}, got {start}.", Copy);
            }

            if (end > fileLength - dataStart)
            {
                throw new ModelFolderException(
                    file, entry.Name, $"{entry.Name} ends at byte {dataStart + end}, but the file has {fileLength}: it is truncated.", Copy);
            }

            expected = end;
        }

        return expected == fileLength - dataStart
            ? tensors.ConvertAll(tensor => (tensor.Entry, dataStart + tensor.Start))
            : throw new ModelFolderException(file, "", $"The tensors end at byte {dataStart + expected}, but the file has {fileLength}.", Copy);
    }

    private static (SafeTensorsEntry Entry, long Start, long End) Tensor(JsonProperty member, string file)
    {
        var code = member.Value.GetProperty("dtype"u8).GetString();
        var dtype = SafeTensorsNumbers.Parse(code)
            ?? throw new ModelFolderException(
                file, member.Name, $"{member.Name} is stored as {code}; supported are F32, F16 and BF16.", "Save the model in one of these formats.");
        var shape = member.Value.GetProperty("shape"u8).EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var offsets = member.Value.GetProperty("data_offsets"u8).EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || shape.Any(size => size < 0))
        {
            throw new ModelFolderException(file, member.Name, $"{member.Name} has an impossible shape or offsets.", Copy);
        }

        var entry = new SafeTensorsEntry(member.Name, dtype, shape);
        if (Bytes(shape, dtype.Size()) != offsets[1] - offsets[0])
        {
            throw new ModelFolderException(
                file,
                member.Name,
                $"{member.Name} of shape {entry.ShapeText} in {code} needs {Bytes(shape, dtype.Size())} bytes; its offsets hold {offsets[1] - offsets[0]}.",
                Copy);
        }

        return (entry, offsets[0], offsets[1]);
    }

    // -1 when the product is beyond any file.
    private static long Bytes(long[] shape, long size)
    {
        try
        {
            return shape.Aggregate(size, (product, next) => checked(product * next));
        }
        catch (OverflowException)
        {
            return -1;
        }
    }
}
