using System.Buffers.Binary;
using System.Text;
using RftService.Engine.Checkpoints;
using RftService.Engine.Models;
using TorchSharp;

namespace RftService.Engine.Tests.Checkpoints;

public sealed class SafeTensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rft-safetensors-").FullName;

    private string FilePath => Path.Combine(_folder, "x.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(SafeTensorsDtype.Float32)]
    [InlineData(SafeTensorsDtype.Float16)]
    [InlineData(SafeTensorsDtype.BFloat16)]
    public void Write_ThenRead_GivesTheSameNumbers(SafeTensorsDtype dtype)
    {
        using var scope = torch.NewDisposeScope();
        // All exact in every format; enough of them to cross the vector width.
        var odd = torch.arange(0, 37, dtype: torch.float32).mul(0.25f);
        var matrix = torch.arange(0, 12, dtype: torch.float32).view(3, 4).t(); // not contiguous
        SafeTensorsWriter.Write(FilePath, [("odd", odd), ("matrix", matrix), ("empty", torch.empty(0, 4)), ("scalar", torch.tensor(2f))], dtype);

        using var file = SafeTensorsFile.Open(FilePath);

        Assert.Equal(["odd", "matrix", "scalar"], file.Entries.Where(entry => entry.Elements > 0).Select(entry => entry.Name));
        Assert.Equal(odd.data<float>().ToArray(), file.Read("odd").data<float>().ToArray());
        Assert.Equal([4, 3], file.Read("matrix").shape);
        Assert.True(torch.eq(matrix, file.Read("matrix")).all().item<bool>());
        Assert.Equal(2f, file.Read("scalar").item<float>());
        Assert.Equal(0, file.Read("empty").numel());
        Assert.Equal([FilePath], Directory.GetFiles(_folder));
    }

    [Fact]
    public void Narrow_BFloat16_RoundsToNearestEven()
    {
        // 1 + 2^-8 lies between 1 and 1 + 2^-7: to even, 1. 1 + 3·2^-8: to even, 1 + 2^-6.
        float[] source = [1 + (1f / 256), 1 + (3f / 256), float.NaN, float.PositiveInfinity, -0f];
        var stored = new byte[10];
        SafeTensorsNumbers.Narrow(source, SafeTensorsDtype.BFloat16, stored);
        var back = new float[5];
        SafeTensorsNumbers.Widen(stored, SafeTensorsDtype.BFloat16, back);

        Assert.Equal([1f, 1 + (1f / 64), float.NaN, float.PositiveInfinity, -0f], back);
    }

    [Fact]
    public void Open_TruncatedFile_NamesTheTensor()
    {
        WriteRaw("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 12);

        var refused = Assert.Throws<ModelFolderException>(() => SafeTensorsFile.Open(FilePath));

        Assert.Equal(("x.safetensors", "b"), (refused.File, refused.Pointer));
        Assert.Contains("truncated", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "b")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""", "b")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}""", "a")]
    [InlineData("""{"a":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}""", "a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}""", "a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}""", "a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0]}}""", "a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4]}}""", "")]
    [InlineData("""{"a":4}""", "")]
    [InlineData("""[1]""", "")]
    [InlineData("""{"a":""", "")]
    public void Open_MalformedHeader_IsRefusedWithThePlace(string header, string tensor)
    {
        WriteRaw(header, 16);

        var refused = Assert.Throws<ModelFolderException>(() => SafeTensorsFile.Open(FilePath));

        Assert.Equal(("x.safetensors", tensor), (refused.File, refused.Pointer));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(8)]
    public void Open_FileWithoutHeader_IsRefused(int length)
    {
        File.WriteAllBytes(FilePath, [.. Enumerable.Repeat((byte)0xff, length)]);

        Assert.Throws<ModelFolderException>(() => SafeTensorsFile.Open(FilePath));
    }

    [Fact]
    public void Writer_NotCommitted_LeavesNothing()
    {
        using (var writer = new SafeTensorsWriter(FilePath, [new SafeTensorsEntry("a", SafeTensorsDtype.Float32, [4])]))
        {
            writer.Write([1f, 2f]);
            Assert.Throws<InvalidOperationException>(writer.Commit);
            Assert.Throws<InvalidOperationException>(() => writer.Write([1f, 2f, 3f]));
        }

        Assert.Empty(Directory.GetFiles(_folder));
    }

    private void WriteRaw(string header, int data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + json.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        File.WriteAllBytes(FilePath, file);
    }
}
