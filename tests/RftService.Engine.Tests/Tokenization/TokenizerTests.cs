using System.Text;
using System.Text.Json;
using RftService.Engine.Data;
using RftService.Engine.Tokenization;
using RftService.Testing;

namespace RftService.Engine.Tests.Tokenization;

public sealed class TokenizerTests
{
    public static readonly TheoryData<string> Texts =
    [
        "", " ", "Hello, world!", "  two  spaces\t\n\n\r\n end ", "naïve café, Ünïcode", "e\u0301 combining", "漢字とかな 한국어", "👩‍👩‍👧‍👦🏳️‍🌈 family",
        "𝒳𝓎 astral 𐐷", "\u0000\u0001\u007f controls \u200b\ufeff", "def f(x):\n    return x**2  # 12345", "it's I'll WE'RE don't", "a\ud7ff\ue000",
        "<|start_story|> <s> </s>", "12345678901234567890", "مرحبا שלום", "½ ² Ⅷ ①",
    ];

    [SharedFact]
    public void RealModel_GoldenPrompt_GivesTheSameIdsAndText()
    {
        var folder = SharedFolder.Path("models/tinystories-656k");
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "golden_numpy.json")));
        var prompt = golden.RootElement.GetProperty("prompt").GetString()!;
        int[] promptIds = [.. golden.RootElement.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32())];
        int[] greedy = [.. golden.RootElement.GetProperty("greedy_ids").EnumerateArray().Select(id => id.GetInt32())];

        var tokenizer = Tokenizer.Load(folder);

        Assert.Equal(promptIds, tokenizer.Encode(prompt, addSpecialTokens: true));
        Assert.Equal(promptIds, tokenizer.EncodePrompt(prompt, null, out var text));
        Assert.Equal(prompt, text);
        Assert.Equal(promptIds[1..], tokenizer.Encode(prompt, addSpecialTokens: false));
        // The golden text keeps the space that the tokenizer's Strip decoder takes off the front.
        Assert.Equal(golden.RootElement.GetProperty("greedy_text").GetString()![1..], tokenizer.Decode([.. promptIds, .. greedy]));
        Assert.Equal((2048, 1), (tokenizer.VocabularySize, tokenizer.BeginOfTextId));
        Assert.Equal([2], tokenizer.EndOfTextIds);
        Assert.Null(tokenizer.ChatTemplate);
    }

    [SharedFact]
    public void RealModel_CharactersOutsideItsVocabulary_AreOneUnknownTokenARun()
    {
        // byte_fallback is set, but no byte token exists; fuse_unk is set.
        var tokenizer = Tokenizer.Load(SharedFolder.Path("models/tinystories-656k"));

        Assert.Equal(["▁a", "<unk>", "b"], TokenizerFolder.Tokens(tokenizer, "a漢é字b"));
    }

    [SharedFact]
    public void RealModel_LongTextWithoutPreTokenizer_IsOneWordAndStillFast()
    {
        var tokenizer = Tokenizer.Load(SharedFolder.Path("models/tinystories-656k"));
        var text = string.Concat(Enumerable.Repeat("Once upon a time there was a little dog. ", 5000)); // 205,000 characters
        var watch = System.Diagnostics.Stopwatch.StartNew();

        var ids = tokenizer.Encode(text, addSpecialTokens: false);

        Assert.Equal(text, tokenizer.Decode(ids));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{watch.Elapsed}"); // quadratic merging takes minutes
    }

    [Fact]
    public void ByteLevel_MergesByHand_AreAppliedByRank()
    {
        // "lowest": lo (rank 0), then low (2), es (1), then est (3).
        using var folder = new TokenizerFolder().WriteByteLevel(["l o", "e s", "lo w", "es t", "Ġ low"]);

        var tokenizer = folder.Load();

        Assert.Equal(["low", "est", "Ġlow", "!"], TokenizerFolder.Tokens(tokenizer, "lowest low!"));
        Assert.Equal([.. Encoding.UTF8.GetBytes("é").Select(value => ByteLevelAlphabet.Char(value).ToString())], TokenizerFolder.Tokens(tokenizer, "é"));
        Assert.Equal(261, tokenizer.VocabularySize);
    }

    [Fact]
    public void ByteLevel_AddPrefixSpace_AddsOneUnlessThereIsOne()
    {
        using var folder = new TokenizerFolder().WriteByteLevel(["Ġ a"], prefixSpace: true);

        var tokenizer = folder.Load();

        Assert.Equal(["Ġa"], TokenizerFolder.Tokens(tokenizer, "a"));
        Assert.Equal(["Ġa"], TokenizerFolder.Tokens(tokenizer, " a"));
    }

    [Fact]
    public void IgnoreMerges_WordIsAToken_TakesItWhole()
    {
        string[] tokens = ["a", "b", "c", "bc", "abc"];
        using var without = new TokenizerFolder().WriteTokenizer(TokenizerFolder.Bpe(tokens, ["b c"]));
        using var with = new TokenizerFolder().WriteTokenizer(TokenizerFolder.Bpe(tokens, ["b c"], "\"ignore_merges\": true,"));

        Assert.Equal(["a", "bc"], TokenizerFolder.Tokens(without.Load(), "abc"));
        Assert.Equal(["abc"], TokenizerFolder.Tokens(with.Load(), "abc"));
    }

    [Fact]
    public void Merges_OfTokensThatAreSpaces_AreReadByTheVocabulary()
    {
        // "a  " is a + " "; "   " is " " + " ".
        using var folder = new TokenizerFolder().WriteTokenizer(TokenizerFolder.Bpe(["a", " ", "a ", "  "], ["a  ", "   "]));

        Assert.Equal(["a ", "  "], TokenizerFolder.Tokens(folder.Load(), "a   "));
    }

    [Fact]
    public void Merges_AsPairs_GiveTheSameAsText()
    {
        using var folder = new TokenizerFolder().WriteTokenizer("""
            {"type": "BPE", "vocab": {"a": 0, " ": 1, "a ": 2}, "merges": [["a", " "]]}
            """);

        Assert.Equal([2, 0], folder.Load().Encode("a a", addSpecialTokens: false));
    }

    [Fact]
    public void ByteFallback_WithByteTokens_SpellsUnknownCharacters()
    {
        var tokens = new[] { "<unk>", "a" }.Concat(Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"));
        using var folder = new TokenizerFolder().WriteTokenizer(
            TokenizerFolder.Bpe(tokens, [], "\"unk_token\": \"<unk>\", \"byte_fallback\": true,"),
            decoder: """{"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}""");

        var tokenizer = folder.Load();

        Assert.Equal(["a", "<0xC3>", "<0xA9>", "a"], TokenizerFolder.Tokens(tokenizer, "aéa"));
        Assert.Equal("aéa", tokenizer.Decode(tokenizer.Encode("aéa", false)));
        Assert.Equal("a\uFFFD\uFFFDa", tokenizer.Decode([1, 2 + 0xC3, 2 + 0xC3, 1])); // no UTF-8: one U+FFFD a byte
    }

    [Theory]
    [InlineData("always", "a b", "▁a ▁b")]
    [InlineData("first", "a b", "▁a ▁b")]
    [InlineData("never", "a b", "a ▁b")]
    [InlineData("first", "<s>a b", "<s> a ▁b")]
    [InlineData("always", "<s>a b", "<s> ▁a ▁b")]
    public void Metaspace_PrependScheme_DecidesWhereASpaceIsAdded(string scheme, string text, string expected)
    {
        var metaspace = $$"""{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "{{scheme}}", "split": true}""";
        using var folder = new TokenizerFolder().WriteTokenizer(
            TokenizerFolder.Bpe(["a", "b", "▁", "▁a", "▁b", "<s>"], ["▁ a", "▁ b"]),
            preTokenizer: metaspace,
            decoder: metaspace,
            addedTokens: """[{"id": 5, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}]""");

        var tokenizer = folder.Load();

        Assert.Equal(expected.Split(' '), TokenizerFolder.Tokens(tokenizer, text));
        Assert.Equal("a b", tokenizer.Decode(tokenizer.Encode("a b", false)));
    }

    [Fact]
    public void AddedTokens_StripAndSingleWord_TakeWhatTheyShould()
    {
        using var folder = new TokenizerFolder().WriteByteLevel([], addedTokens: """
            [{"id": 300, "content": "<m>", "lstrip": true, "rstrip": false, "single_word": false, "normalized": false, "special": true},
             {"id": 301, "content": "<r>", "lstrip": false, "rstrip": true, "single_word": false, "normalized": false, "special": true},
             {"id": 302, "content": "cat", "lstrip": false, "rstrip": false, "single_word": true, "normalized": false, "special": false},
             {"id": 303, "content": "<m><m>", "lstrip": false, "rstrip": false, "single_word": false, "normalized": false, "special": true}]
            """);

        var tokenizer = folder.Load();

        Assert.Equal(["a", "<m>", "b"], TokenizerFolder.Tokens(tokenizer, "a  <m>b"));
        Assert.Equal(["a", "<r>", "b"], TokenizerFolder.Tokens(tokenizer, "a<r> \n b"));
        Assert.Equal(["c", "a", "t", "s"], TokenizerFolder.Tokens(tokenizer, "cats"));
        Assert.Equal(["cat", "Ġ", "s"], TokenizerFolder.Tokens(tokenizer, "cat s"));
        Assert.Equal(["a", "<m><m>"], TokenizerFolder.Tokens(tokenizer, "a<m><m>")); // the longest, not the first
        Assert.Equal("a cat", tokenizer.Decode(tokenizer.Encode("a<m> cat", false)));
        Assert.Equal("a<m> cat", tokenizer.Decode(tokenizer.Encode("a<m> cat", false), skipSpecialTokens: false));
        Assert.Equal(304, tokenizer.VocabularySize);
    }

    [Fact]
    public void TemplateProcessing_AddSpecialTokens_SurroundsTheText()
    {
        using var folder = new TokenizerFolder().WriteTokenizer(
            TokenizerFolder.Bpe(["a", "<s>", "</s>"], []),
            postProcessor: """
                {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                  {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
                 "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}}
                """);

        Assert.Equal([1, 0, 2], folder.Load().Encode("a", addSpecialTokens: true));
        Assert.Equal([1, 2], folder.Load().Encode("", addSpecialTokens: true));
        Assert.Equal([0], folder.Load().Encode("a", addSpecialTokens: false));
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void ByteLevel_AnyText_ComesBack(string text)
    {
        using var folder = new TokenizerFolder().WriteByteLevel(["Ġ t", "h e", "Ã ©", "ð Ł"]);

        var tokenizer = folder.Load();

        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false)));
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void StreamDecoder_AnyText_GivesTheSameInWholeCharacters(string text)
    {
        using var folder = new TokenizerFolder().WriteByteLevel(["Ġ t", "h e"]);
        var tokenizer = folder.Load();
        var ids = tokenizer.Encode(text, addSpecialTokens: false);
        int[] cut = ids.Length > 1 ? ids[..^1] : ids; // maybe in the middle of a character

        var decoder = tokenizer.CreateStreamDecoder();
        var parts = cut.Select(decoder.Append).ToList();
        parts.Add(decoder.Flush());

        Assert.Equal(tokenizer.Decode(cut), string.Concat(parts));
        Assert.All(parts, part => Assert.False(part.Length > 0 && (char.IsLowSurrogate(part[0]) || char.IsHighSurrogate(part[^1]))));
    }

    [Fact]
    public void StreamDecoder_EmojiByteByByte_WaitsForTheLastByte()
    {
        using var folder = new TokenizerFolder().WriteByteLevel([]);
        var tokenizer = folder.Load();

        var decoder = tokenizer.CreateStreamDecoder();

        Assert.Equal(["", "", "", "😀", "!"], tokenizer.Encode("😀!", false).Select(decoder.Append));
        Assert.Equal("", decoder.Flush());
        Assert.Throws<InvalidOperationException>(() => decoder.Append(1));
    }

    [Fact]
    public void Encode_LoneSurrogate_CountsAsReplacementCharacter()
    {
        using var folder = new TokenizerFolder().WriteByteLevel([]);
        var tokenizer = folder.Load();

        Assert.Equal("a\uFFFDb", tokenizer.Decode(tokenizer.Encode("a\ud800b", false)));
    }

    [Fact]
    public void EncodePrompt_MessagesWithoutTemplate_SaysSo()
    {
        using var folder = new TokenizerFolder().WriteByteLevel([]);
        var tokenizer = folder.Load();

        var fault = Assert.Throws<TrainingException>(() => tokenizer.EncodePrompt(null, [new ChatMessage("user", "hi")], out _));

        Assert.Equal(TrainingFault.RowUnusable, fault.Fault);
        Assert.Contains("no chat template", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_ManyThreads_GiveTheSame()
    {
        using var folder = new TokenizerFolder().WriteByteLevel(["a b", "ab c"]);
        var tokenizer = folder.Load();
        var expected = tokenizer.Encode("abc abcab 12 abc", false);

        var all = Enumerable.Range(0, 200).AsParallel().Select(_ => tokenizer.Encode("abc abcab 12 abc", false)).ToArray();

        Assert.All(all, ids => Assert.Equal(expected, ids));
    }
}
