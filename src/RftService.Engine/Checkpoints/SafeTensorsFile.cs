using System.IO.MemoryMappedFiles;
using RftService.Engine.Models;
using TorchSharp;

namespace RftService.Engine.Checkpoints;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name, as `model.norm.weight`.</param>
/// <param name="Dtype">Stored number format.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
public sealed record SafeTensorsEntry(string Name, SafeTensorsDtype Dtype, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements.</summary>
    public long Elements => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Size in the file.</summary>
    public long Bytes => Elements * Dtype.Size();

    internal string ShapeText => $"[{string.Join(", ", Shape)}]";
}

/// <summary>A safetensors file, memory-mapped. Everything its header says is checked before the first read.</summary>
public sealed class SafeTensorsFile : IDisposable
{
    // Elements converted at a time: bounds what a device copy needs on the host, and keeps spans below 2 GiB.
    private const int Chunk = 4 * 1024 * 1024;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Dictionary<string, (SafeTensorsEntry Entry, long Start)> _tensors;
    private readonly unsafe byte* _bytes;
    private long _resident;

    private unsafe SafeTensorsFile(string path, SafeTensorsHeader header)
    {
        Path = path;
        Entries = [.. header.Tensors.Select(tensor => tensor.Entry)];
        _tensors = header.Tensors.ToDictionary(tensor => tensor.Entry.Name, StringComparer.Ordinal);
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _bytes);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its tensors, in the order of their data.</summary>
    public IReadOnlyList<SafeTensorsEntry> Entries { get; }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="ModelFolderException">The file is missing, truncated or malformed; names the tensor.</exception>
    public static SafeTensorsFile Open(string path) => new(path, SafeTensorsHeader.Read(path));

    /// <summary>True when the file holds the tensor.</summary>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <summary>The entry of a tensor.</summary>
    /// <exception cref="ModelFolderException">There is no such tensor.</exception>
    public SafeTensorsEntry Entry(string name) => Find(name).Entry;

    /// <summary>Copies elements of a tensor as float32, from <paramref name="first"/> on, in row-major order.</summary>
    /// <exception cref="ModelFolderException">There is no such tensor.</exception>
    public unsafe void CopyTo(string name, long first, Span<float> target)
    {
        var (entry, start) = Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + target.Length, entry.Elements);
        var size = entry.Dtype.Size();
        for (var done = 0; done < target.Length; done += Chunk)
        {
            var part = target.Slice(done, Math.Min(Chunk, target.Length - done));
            var stored = new ReadOnlySpan<byte>(_bytes + start + ((first + done) * size), part.Length * size);
            SafeTensorsNumbers.Widen(stored, entry.Dtype, part);
            Release(stored.Length);
        }
    }

    /// <summary>Reads a tensor as float32; on the CPU it is converted straight into the tensor's own memory.</summary>
    /// <exception cref="ModelFolderException">There is no such tensor.</exception>
    public torch.Tensor Read(string name, string device = "cpu")
    {
        var entry = Entry(name);
        using var gradientOff = torch.no_grad();
        var tensor = torch.empty([.. entry.Shape], torch.float32, torch.device(device));
        using var scope = torch.NewDisposeScope();
        var flat = tensor.view(-1);
        var onHost = tensor.device_type == DeviceType.CPU;
        var staging = onHost ? null : torch.empty(Math.Min(Chunk, entry.Elements), torch.float32);
        for (var first = 0L; first < entry.Elements; first += Chunk)
        {
            using var part = flat.narrow(0, first, Math.Min(Chunk, entry.Elements - first));
            using var host = onHost ? part.alias() : staging!.narrow(0, 0, part.numel());
            CopyTo(name, first, Floats(host));
            if (!onHost)
            {
                part.copy_(host);
            }
        }

        return tensor;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private unsafe void Release(int read)
    {
        _resident += read;
        if (_resident >= MappedPages.Allowance)
        {
            MappedPages.Release(_bytes, (long)_view.SafeMemoryMappedViewHandle.ByteLength);
            _resident = 0;
        }
    }

    internal static Span<float> Floats(torch.Tensor tensor) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.bytes);

    private (SafeTensorsEntry Entry, long Start) Find(string name) =>
        _tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new ModelFolderException(
                System.IO.Path.GetFileName(Path), name, $"The tensor {name} is missing.", "Upload a complete copy of the file.");
}
