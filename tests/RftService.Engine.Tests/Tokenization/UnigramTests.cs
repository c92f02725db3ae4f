namespace RftService.Engine.Tests.Tokenization;

public sealed class UnigramTests : IDisposable
{
    private const string Vocabulary = """[["<unk>", 0], ["a", -2], ["b", -2], ["ab", -3], ["abc", -9], ["c", -4], ["bc", -2.5]]""";
    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("ab", "ab")]           // -3 against a + b = -4
    [InlineData("abc", "a bc")]        // -4.5; ab + c = -7, abc = -9, a + b + c = -8
    [InlineData("xab", "<unk> ab")]
    [InlineData("xyab", "<unk> ab")]   // a run is one token
    [InlineData("xay", "<unk> a <unk>")]
    [InlineData("😀", "<unk>")]
    [InlineData("", "")]
    public void Encode_Word_IsCutWhereTheScoresAreHighest(string text, string tokens)
    {
        _folder.WriteTokenizer($$"""{"type": "Unigram", "unk_id": 0, "vocab": {{Vocabulary}}}""");

        Assert.Equal(tokens, string.Join(' ', TokenizerFolder.Tokens(_folder.Load(), text)));
    }

    [Fact]
    public void Encode_WithByteFallback_WritesUnknownCharactersInBytes()
    {
        var bytes = string.Join(", ", Enumerable.Range(0, 256).Select(value => $"[\"<0x{value:X2}>\", -20]"));
        _folder.WriteTokenizer($$"""{"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": {{Vocabulary[..^1]}}, {{bytes}}]}""");

        Assert.Equal(["a", "<0xC3>", "<0xA9>", "<0x78>", "b"], TokenizerFolder.Tokens(_folder.Load(), "aéxb"));
    }
}
