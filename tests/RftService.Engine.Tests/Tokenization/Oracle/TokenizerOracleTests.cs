using RftService.Engine.Tokenization;
using Xunit.Abstractions;

namespace RftService.Engine.Tests.Tokenization.Oracle;

/// <summary>Real tokenizers against Hugging Face's own implementation for node, text by text.</summary>
public sealed class TokenizerOracleTests(ITestOutputHelper output)
{
    [NpmTheory]
    [InlineData("qwen3")]
    [InlineData("llama3_1")]
    [InlineData("gemma3")]
    [InlineData("llama2")]
    public void Encode_VariedTexts_EqualsHuggingFace(string model)
    {
        var texts = OracleTexts.All;
        var expected = NpmOracle.Encode(NpmOracle.Model(model), texts);
        var tokenizer = Tokenizer.Load(NpmOracle.Model(model));

        var different = new List<string>();
        for (var i = 0; i < texts.Count; i++)
        {
            var (ids, around) = (tokenizer.Encode(texts[i], addSpecialTokens: false), tokenizer.Encode(texts[i], addSpecialTokens: true));
            if (!ids.SequenceEqual(expected[i].Ids) || !around.SequenceEqual(expected[i].Around))
            {
                different.Add($"{System.Text.Json.JsonSerializer.Serialize(texts[i])}\n  expected {string.Join(' ', expected[i].Ids)}\n  got      {string.Join(' ', ids)}");
            }
        }

        output.WriteLine($"{model}: {texts.Count - different.Count} of {texts.Count} texts equal");
        Assert.True(different.Count == 0, $"{different.Count} of {texts.Count} differ, first:\n{string.Join('\n', different.Take(8))}");
    }

    [NpmTheory]
    [InlineData("qwen3")]
    [InlineData("llama3_1")]
    [InlineData("gemma3")]
    [InlineData("llama2")]
    public void Decode_VariedTexts_EqualsHuggingFace(string model)
    {
        var texts = OracleTexts.All;
        var expected = NpmOracle.Encode(NpmOracle.Model(model), texts);
        var tokenizer = Tokenizer.Load(NpmOracle.Model(model));

        var different = new List<string>();
        for (var i = 0; i < texts.Count; i++)
        {
            var text = tokenizer.Decode(expected[i].Ids, skipSpecialTokens: false);
            if (text != expected[i].Text)
            {
                different.Add($"{System.Text.Json.JsonSerializer.Serialize(expected[i].Text)}\n  got {System.Text.Json.JsonSerializer.Serialize(text)}");
            }
        }

        output.WriteLine($"{model}: {texts.Count - different.Count} of {texts.Count} texts equal");
        Assert.True(different.Count == 0, $"{different.Count} of {texts.Count} differ, first:\n{string.Join('\n', different.Take(8))}");
    }
}
