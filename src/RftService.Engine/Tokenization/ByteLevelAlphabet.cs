namespace RftService.Engine.Tokenization;

/// <summary>GPT-2's alphabet: each byte is written as one printable character, so that any text is a string of known characters.</summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] CharOfByte = Build();
    private static readonly Dictionary<char, byte> ByteOfChar = CharOfByte.Select((c, b) => (c, b)).ToDictionary(pair => pair.c, pair => (byte)pair.b);

    public static char Char(byte value) => CharOfByte[value];

    public static bool TryByte(char character, out byte value) => ByteOfChar.TryGetValue(character, out value);

    private static char[] Build()
    {
        var characters = new char[256];
        var shifted = 0;
        for (var value = 0; value < 256; value++)
        {
            // Printable Latin-1 stands for itself; the 68 others follow from U+0100 on.
            characters[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF)
                ? (char)value
                : (char)(256 + shifted++);
        }

        return characters;
    }
}
