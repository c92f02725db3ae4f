using RftService.Engine.Rollouts;
using RftService.Engine.Tokenization;
using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Engine.Tests.Models.Families;

public sealed class FamilySamplingTests
{
    public static TheoryData<string> Variants => FamilyVariants.Names;

    [Theory]
    [MemberData(nameof(Variants))]
    public void LogProbs_OfTheSampler_EqualThoseOfTheTrainer(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        using var scope = torch.NewDisposeScope();
        using var model = folder.Load();
        int[] common = [.. Enumerable.Range(40, 35)]; // two blocks of it are computed once
        var isLong = model.Config.ContextLength > common.Length + 11;
        int[][] prompts = [[5, 9, 200, 31], [7], .. isLong ? (int[][])[[.. common, 8, 9, 10], [.. common, 20]] : []];
        var spec = new SamplingSpec { Temperature = 0.8, MaxTokens = 8 };

        using var sampler = new Sampler(model, Tokenizer.Load(folder.Folder));
        var groups = sampler.Sample(prompts, 3, spec, seed: 4, CancellationToken.None);

        Assert.Equal(isLong ? 32 : 0, sampler.ReusedPromptTokens);
        foreach (var (prompt, rollout) in prompts.Zip(groups).SelectMany(pair => pair.Second.Select(rollout => (pair.First, rollout))))
        {
            long[] row = [.. prompt.Concat(rollout.Tokens)];
            var count = rollout.Tokens.Count;
            var hidden = model.Hidden(torch.tensor(row).unsqueeze(0))[0].narrow(0, prompt.Length - 1, count);
            using var head = new LmHead(
                hidden, model.HeadWeight, torch.tensor(row[prompt.Length..]), spec.Temperature, keepSoftmax: false, softCap: model.Config.LogitSoftCap);
            Assert.All(head.LogProbs.data<float>().ToArray().Zip(rollout.BehaviorLogProbs), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }
    }
}
