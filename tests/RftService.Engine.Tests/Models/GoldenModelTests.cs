using System.Text.Json;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Tokenization;
using RftService.Testing;
using TorchSharp;

namespace RftService.Engine.Tests.Models;

/// <summary>A real pretrained model against an independent forward pass in numpy.</summary>
public sealed class GoldenModelTests
{
    private readonly string _folder = SharedFolder.Exists ? SharedFolder.Path("models/tinystories-656k") : "";

    [SharedFact]
    public void Tinystories_GreedyCompletion_EqualsGolden()
    {
        using var golden = Golden();
        using var model = ModelCatalog.Load(_folder, "cpu");
        var tokenizer = Tokenizer.Load(_folder);
        var prompt = tokenizer.EncodePrompt(golden.RootElement.GetProperty("prompt").GetString(), null, out _);
        var expected = Ids(golden, "greedy_ids");

        using var sampler = new Sampler(model, tokenizer);
        var rollout = sampler.Sample(
            [prompt], 1, new SamplingSpec { Temperature = 0, MaxTokens = expected.Length }, 0, CancellationToken.None)[0][0];

        Assert.Equal(Ids(golden, "prompt_ids"), prompt);
        Assert.Equal(expected, rollout.Tokens);
        // The reference joined the tokens; this tokenizer's decoder takes the first space away.
        Assert.Equal(golden.RootElement.GetProperty("greedy_text").GetString()![1..], tokenizer.Decode([.. prompt, .. rollout.Tokens]));
    }

    [SharedFact]
    public void Tinystories_Logits_EqualGolden()
    {
        using var golden = Golden();
        using var scope = torch.NewDisposeScope();
        using var model = ModelCatalog.Load(_folder, "cpu");
        int[] ids = [.. Ids(golden, "prompt_ids"), .. Ids(golden, "greedy_ids")];
        var hidden = model.Hidden(torch.tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0))[0];
        var logits = torch.nn.functional.linear(hidden, model.HeadWeight);

        var last = logits[Ids(golden, "prompt_ids").Length - 1];
        Assert.All(golden.RootElement.GetProperty("last_logits_top10").EnumerateArray(), pair =>
            Assert.Equal(pair[1].GetSingle(), last[pair[0].GetInt32()].item<float>(), 1e-3f));

        var nll = logits.log_softmax(-1).neg();
        var expected = golden.RootElement.GetProperty("per_token_nll_of_greedy").EnumerateArray().Select(value => value.GetSingle()).ToArray();
        var actual = expected.Select((_, index) => nll[index, ids[index + 1]].item<float>()).ToArray();
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));
    }

    [SharedFact]
    public void Tinystories_Inspected_IsTiedThoughOnlyOneMatrixIsStored()
    {
        var info = ModelFolder.Inspect(_folder);

        Assert.Equal(("llama", 656_000L, 512, 2048, "bfloat16", true, false), (
            info.Family, info.Parameters / 1000 * 1000, info.ContextLength, info.VocabularySize, info.Dtype, info.TiedEmbeddings, info.HasChatTemplate));
    }

    private JsonDocument Golden()
    {
        return JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, "golden_numpy.json")));
    }

    private static int[] Ids(JsonDocument golden, string name) =>
        [.. golden.RootElement.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
