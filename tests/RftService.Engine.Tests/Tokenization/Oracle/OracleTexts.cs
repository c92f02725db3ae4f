using System.Text;

namespace RftService.Engine.Tests.Tokenization.Oracle;

/// <summary>Texts that try a tokenizer: hand-picked ones, and random mixtures of their kinds from a fixed seed.</summary>
internal static class OracleTexts
{
    // Blocks that Unicode 9 already had, so that node and .NET agree on what their characters are.
    private static readonly (int First, int Last)[] Blocks =
    [
        (0x20, 0x7E), (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x2AF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x531, 0x556),
        (0x5D0, 0x5EA), (0x620, 0x669), (0x905, 0x939), (0x93E, 0x94D), (0xE01, 0xE3A), (0xE40, 0xE59), (0x10A0, 0x10C5), (0x1100, 0x1112),
        (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2070, 0x209C), (0x20A0, 0x20BE), (0x2100, 0x218B), (0x2190, 0x21FF), (0x2200, 0x22FF),
        (0x2460, 0x24FF), (0x2500, 0x257F), (0x2600, 0x26FF), (0x3000, 0x303F), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x3220, 0x3247),
        (0x4E00, 0x9FD5), (0xAC00, 0xD7A3), (0xF900, 0xFA6D), (0xFF01, 0xFFBE), (0x1D400, 0x1D454), (0x1F300, 0x1F64F), (0x1F900, 0x1F91E),
        (0x20000, 0x2A6D6), (0x10330, 0x1034A), (0x1D7CE, 0x1D7FF), (0xE000, 0xE010),
    ];

    private static readonly string[] Written =
    [
        "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r\n\r\n", "\t", "\t\t\t", " \n ", "a", " a", "a ", "  a  b  ", "Hello, world!", "hello  world", "HELLO",
        "I'm you're he's we've they'll I'd don't CAN'T It'S O'Re", "'s't'RE", "don\u2019t", "naïve café", "cafe\u0301", "A\u030angstrom \u212b \u00c5",
        "\u1e9b\u0323", "ﬁne ﬂow", "½ ⅓ ² ³", "１２３ ＡＢＣ", "0", "12", "123", "1234", "12345678901234567890", "3.14159", "-1e-10", "0x1F", "1,234,567.89",
        "٠١٢٣", "१२३", "Ⅷ ⅷ", "中文测试", "中文 with English 混合123", "日本語のテキスト", "ひらがなカタカナ", "한국어 텍스트", "가각\u1100\u1161\u11a8", "Привет, мир",
        "Ελληνικά ΟΔΥΣΣΕΥΣ", "שלום עולם", "مرحبا بالعالم", "हिन्दी में", "ไทยไม่มีช่องว่าง", "ქართული", "Tiếng Việt", "İstanbul ıslak", "ſtraße STRASSE", "'ſ 'ſtop I'M\u212a",
        "😀", "😀😃😄", "👨‍👩‍👧‍👦", "👍🏽", "🇩🇪🇫🇷", "🏳️‍🌈", "e\u0301\u0323\u0327", "\u0301", "a\u200bb", "a\u200db", "\ufeffBOM", "a\u00a0b", "a\u2003b", "a\u3000b", "\u0085x", "\u2028x\u2029",
        "\u0000", "\u0001\u0002", "\u001b[31mred\u001b[0m", "\u007f", "\ufffd", "\ufffe", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𠀀𠀁", "\U0001F9D1\u200D\U0001F680",
        "def f(x):\n    return x + 1\n\n\nclass A:\n\tpass\n", "for (int i = 0; i < n; i++) { a[i] *= 2; }", "<html><body class=\"x\">&amp;</body></html>",
        "{\"key\": [1, 2, {\"a\": null}]}", "SELECT * FROM t WHERE a >= 'b';", "https://example.org/a?b=c&d=%20#e", "user.name+tag@example.co.uk", "C:\\Users\\x",
        "a_b-c.d/e", "camelCaseHTTPServer2", "ALLCAPS lower Mixed", "....", "!!!???", "--- *** ___", "$100 €20 £3 ¥4 ₿5", "x²+y²=z²", "∑∫∂√∞≠≤", "→←↑↓", "a\n b\n  c\n   d",
        "end  \n", "end\n  ", "\n\n\nstart", "a\t b\t  c", " \t \n \r\n x", "word\u00ad", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ababababababababababababababab",
        "supercalifragilisticexpialidocious", "antidisestablishmentarianism", "▁", "▁▁", "a▁b", " ▁a", "▁ a", "<0x41>", "<0xE2><0x82><0xAC>", "<0x", "Ġ", "ĠHello Ċ", "<unk>", "<s>", "</s>",
        "<s>x</s>", " <s> x </s> ", "[INST] hi [/INST]", "<<SYS>>", "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>\n", " <|im_end|> ", "<|im_end|", "|im_end|>", "<|im_start|><|im_start|>",
        "<think>\nhm\n</think>\n\nyes", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>", "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>", "<|eot_id", "<|reserved_special_token_7|>",
        "<bos>", "<eos><pad>", "<start_of_turn>user\nhi<end_of_turn>\n", "<start_of_turn >", "<unused7> <unused99>", "<mask>", "<h1>t</h1><table><tr><td>", "<strong>b</strong>", "[multimodal]", "\n\n\n\n\n\n\n\n", "                                        ",
        "\t\t\t\t\t\t\t\t\t\t\t", "The quick brown fox jumps over the lazy dog.", "She said: \u201cNo\u201d \u2014 then left\u2026", "1. First\n2. Second\n\n* a\n* b", "Q: 12 + 30 = ?\nA: 42", "The answer is \\boxed{42}.", "$$\\frac{a}{b}$$",
    ];

    /// <summary>2,400 texts.</summary>
    public static IReadOnlyList<string> All { get; } = Make();

    private static List<string> Make()
    {
        var random = new Random(20);
        var texts = new List<string>(Written);
        while (texts.Count < 2400)
        {
            var text = new StringBuilder();
            for (var parts = random.Next(1, 9); parts > 0; parts--)
            {
                text.Append(random.Next(4) switch
                {
                    0 or 1 => Written[random.Next(Written.Length)],
                    2 => Word(random, 1),
                    _ => Word(random, random.Next(2, 4)),
                });
                text.Append(random.Next(4) switch { 0 => "", 1 or 2 => " ", _ => "\n"[..random.Next(2)] });
            }

            texts.Add(text.ToString());
        }

        return texts;
    }

    // Characters of a few blocks, mostly of one.
    private static string Word(Random random, int blocks)
    {
        var word = new StringBuilder();
        for (var block = 0; block < blocks; block++)
        {
            var (first, last) = Blocks[random.Next(Blocks.Length)];
            for (var count = random.Next(1, 12); count > 0; count--)
            {
                word.Append(new Rune(random.Next(first, last + 1)));
            }
        }

        return word.ToString();
    }
}
