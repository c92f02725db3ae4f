using System.Buffers.Binary;
using System.Text;

namespace RftService.Engine.Native;

/// <summary>
/// Marks one needed symbol version of an ELF64 library as weak, so that a system without it still loads the library. Safe only when
/// no relocation uses the version: GLIBCXX_3.4.32 in TorchSharp's shim is the marker `ios_base_library_init`, never called.
/// </summary>
internal static class ElfVersionPatch
{
    private const uint VersionNeeds = 0x6ffffffe; // SHT_GNU_verneed
    private const ushort Weak = 0x2;              // VER_FLG_WEAK
    private const int AuxiliarySize = 16;

    /// <exception cref="InvalidOperationException">The file is no such library, or does not need the version exactly once.</exception>
    public static byte[] MakeOptional(byte[] library, string version)
    {
        try
        {
            var patched = library.ToArray();
            var flags = Find(patched, version);
            if (flags.Count != 1)
            {
                throw new InvalidOperationException(
                    $"expected one need of {version} in TorchSharp's native library, found {flags.Count}: this TorchSharp is not the known one. "
                    + "Use a system with libstdc++ of GCC 13 or newer.");
            }

            var place = patched.AsSpan(flags[0]);
            BinaryPrimitives.WriteUInt16LittleEndian(place, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(place) | Weak));
            return patched;
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidOperationException("TorchSharp's native library is damaged: a table lies outside the file.");
        }
    }

    // Offsets of the flags of every auxiliary entry with that name.
    private static List<int> Find(byte[] elf, string version)
    {
        const int littleEndian64 = 0x0102; // EI_DATA, EI_CLASS
        if (elf.Length < 64 || U32(elf, 0) != 0x464c457f || U16(elf, 4) != littleEndian64)
        {
            throw new InvalidOperationException("TorchSharp's native library is no 64-bit little-endian ELF file.");
        }

        var found = new List<int>();
        for (var i = 0; i < U16(elf, 0x3c); i++)
        {
            var section = Section(elf, i);
            if (U32(elf, section + 4) != VersionNeeds)
            {
                continue;
            }

            var names = Offset(elf, Section(elf, (int)U32(elf, section + 0x28)) + 0x18);
            var need = Offset(elf, section + 0x18);
            for (var n = U32(elf, section + 0x2c); n > 0; n--)
            {
                var auxiliary = need + (int)U32(elf, need + 8);
                for (int a = U16(elf, need + 2); a > 0; a--)
                {
                    _ = elf.AsSpan(auxiliary, AuxiliarySize);
                    if (Name(elf, names + (int)U32(elf, auxiliary + 8)) == version)
                    {
                        found.Add(auxiliary + 4);
                    }

                    auxiliary += (int)U32(elf, auxiliary + 12);
                }

                need += (int)U32(elf, need + 12);
            }
        }

        return found;
    }

    private static int Section(byte[] elf, int index) => Offset(elf, 0x28) + (index * U16(elf, 0x3a));

    private static string Name(byte[] elf, int start)
    {
        var rest = elf.AsSpan(start);
        return Encoding.ASCII.GetString(rest[..Math.Max(0, rest.IndexOf((byte)0))]);
    }

    private static ushort U16(byte[] elf, int at) => BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(at, 2));

    private static uint U32(byte[] elf, int at) => BinaryPrimitives.ReadUInt32LittleEndian(elf.AsSpan(at, 4));

    private static int Offset(byte[] elf, int at) => (int)BinaryPrimitives.ReadUInt64LittleEndian(elf.AsSpan(at, 8));
}
