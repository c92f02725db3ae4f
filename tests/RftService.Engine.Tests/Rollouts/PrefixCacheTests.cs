using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Tests.Models;
using RftService.Engine.Tokenization;
using TorchSharp;

namespace RftService.Engine.Tests.Rollouts;

public sealed class PrefixCacheTests : IDisposable
{
    private static readonly SamplingSpec Spec = new() { MaxTokens = 12 };

    private readonly TinyModel _folder = new(config => config["max_position_embeddings"] = 256);
    private readonly ICausalLm _model;
    private readonly Tokenizer _tokenizer;

    public PrefixCacheTests()
    {
        _model = _folder.Load();
        _tokenizer = Tokenizer.Load(_folder.Folder);
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Add_PromptThatBeginsAsAnEarlierOne_ComputesOnlyItsRest()
    {
        using var batch = new ContinuousBatch(_model, _tokenizer, fixedWeights: true);

        Run(batch, Prompt(100, 1), seed: 1);
        var second = Run(batch, Prompt(80, 1, 20, 2), seed: 2);

        Assert.Equal((120, 80), (batch.ComputedPromptTokens, batch.ReusedPromptTokens));
        AssertSame(Alone(Prompt(80, 1, 20, 2), seed: 2), second);
    }

    [Theory]
    [InlineData(96, 95)] // the last token is always computed: the next one follows from it
    [InlineData(97, 96)]
    [InlineData(16, 0)]
    [InlineData(17, 16)]
    [InlineData(5, 0)]
    public void Add_TheSamePromptAgain_ComputesItsLastBlock(int length, int known)
    {
        using var batch = new ContinuousBatch(_model, _tokenizer, fixedWeights: true);

        var first = Run(batch, Prompt(length, 1), seed: 1);
        var second = Run(batch, Prompt(length, 1), seed: 1);

        Assert.Equal(known / KvCache.BlockSize * KvCache.BlockSize, batch.ReusedPromptTokens);
        AssertSame(first, second);
    }

    [Fact]
    public void Add_PromptOfAnotherOwner_IsComputedAnew()
    {
        using var batch = new ContinuousBatch(_model, _tokenizer, fixedWeights: true);
        var (mine, foreign) = (Guid.NewGuid(), Guid.NewGuid());
        var known = new List<int>();

        foreach (var owner in new[] { mine, foreign, mine, foreign })
        {
            batch.Add(Request(Prompt(100, 1), seed: 1, index: 0, groupSize: 2, _ => { }) with { Owner = owner, OnPrompt = known.Add });
            while (batch.Step())
            {
            }
        }

        Assert.Equal([0, 0, 96, 96], known);
    }

    [Fact]
    public void Sample_GroupsWithACommonBeginning_ComputeItOnce()
    {
        int[][] prompts = [.. Enumerable.Range(0, 6).Select(i => Prompt(64, 1, 3 + i, 10 + i)), Prompt(64, 1, 20, 2, 2, 3), Prompt(64, 1, 20, 2, 9, 4), Prompt(9, 5)];
        using var sampler = new Sampler(_model, _tokenizer);

        var together = sampler.Sample(prompts, 3, Spec, seed: 4, CancellationToken.None);

        // 64 for all but the last one; one of those that go on alike reuses 80.
        Assert.Equal((6 * 64) + 80, sampler.ReusedPromptTokens);
        Assert.Equal(prompts.Sum(prompt => prompt.Length) - sampler.ReusedPromptTokens, sampler.ComputedPromptTokens);
        foreach (var (index, prompt) in prompts.Index())
        {
            AssertSame(Alone(prompt, seed: 4, index, groupSize: 3), together[index]);
        }

        var before = sampler.ReusedPromptTokens;
        sampler.Sample([prompts[0]], 1, Spec, seed: 4, CancellationToken.None);
        Assert.Equal(before, sampler.ReusedPromptTokens); // between calls the weights may have changed
    }

    [Fact]
    public void Version_OtherWeights_ComputeAllAnew()
    {
        using var batch = new ContinuousBatch(_model, _tokenizer, fixedWeights: true) { Version = 1 };
        Run(batch, Prompt(50, 1), seed: 1);
        using (torch.NewDisposeScope())
        using (torch.no_grad())
        {
            foreach (var (_, value) in _model.Parameters)
            {
                value.mul_(torch.tensor(1.1f));
            }
        }

        batch.Version = 2;

        AssertSame(Alone(Prompt(60, 1), seed: 1), Run(batch, Prompt(60, 1), seed: 1));
        Assert.Equal(0, batch.ReusedPromptTokens);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(24)]
    [InlineData(200)]
    public void Step_ManyPromptsInLittleMemory_GivesTheSameTextAndLosesNoBlock(int blocks)
    {
        var random = new Random(8);
        using var batch = new ContinuousBatch(_model, _tokenizer, maxRows: 7, KvCache.BytesPerBlock(_model.Config) * blocks, fixedWeights: true);
        var found = new Dictionary<int, IReadOnlyList<Rollout>>();
        var prompts = new Dictionary<int, int[]>();
        for (var i = 0; i < 40; i++)
        {
            var index = i;
            prompts[i] = Prompt(random.Next(1, 40), random.Next(1, 3), random.Next(1, 30), random.Next(1, 4));
            using var gone = new CancellationTokenSource();
            batch.Add(Request(prompts[i], seed: 6, i, groupSize: 1 + (i % 3), group => found[index] = group) with { Cancellation = i % 5 == 4 ? gone.Token : default });
            batch.Step();
            gone.Cancel();
        }

        while (batch.Step())
        {
        }

        Assert.Equal(32, found.Count);
        Assert.NotEqual(0, batch.ReusedPromptTokens);
        Assert.All(found, one => AssertSame(Alone(prompts[one.Key], seed: 6, one.Key, 1 + (one.Key % 3)), one.Value));
        batch.Version = 1; // forgets what is kept for later
        Assert.Equal(batch.Cache!.Blocks, batch.Cache.FreeBlocks);
    }

    // Tokens by count and kind, in turn.
    private static int[] Prompt(params int[] parts) =>
        [.. parts.Chunk(2).SelectMany(part => Enumerable.Range(0, part[0]).Select(i => 33 + (((i * 7) + (part[1] * 13)) % 90)))];

    private static GroupRequest Request(int[] prompt, ulong seed, int index, int groupSize, Action<IReadOnlyList<Rollout>> done) =>
        new() { Prompt = prompt, GroupSize = groupSize, Spec = Spec, Seed = seed, Index = index, OnDone = done };

    private IReadOnlyList<Rollout> Alone(int[] prompt, ulong seed, int index = 0, int groupSize = 2)
    {
        using var batch = new ContinuousBatch(_model, _tokenizer);
        return Run(batch, prompt, seed, index, groupSize);
    }

    private static IReadOnlyList<Rollout> Run(ContinuousBatch batch, int[] prompt, ulong seed, int index = 0, int groupSize = 2)
    {
        IReadOnlyList<Rollout> found = [];
        batch.Add(Request(prompt, seed, index, groupSize, group => found = group));
        while (batch.Step())
        {
        }

        return found;
    }

    private static void AssertSame(IReadOnlyList<Rollout> expected, IReadOnlyList<Rollout> actual)
    {
        Assert.Equal(expected.Select(rollout => rollout.Text), actual.Select(rollout => rollout.Text));
        Assert.All(expected.Zip(actual), pair => Assert.All(
            pair.First.BehaviorLogProbs.Zip(pair.Second.BehaviorLogProbs), logProb => Assert.Equal(logProb.First, logProb.Second, 1e-5f)));
    }
}
