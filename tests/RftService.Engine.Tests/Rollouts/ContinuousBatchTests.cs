using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Tests.Models;
using RftService.Engine.Tokenization;
using TorchSharp;

namespace RftService.Engine.Tests.Rollouts;

public sealed class ContinuousBatchTests : IDisposable
{
    private static readonly SamplingSpec Plain = new() { MaxTokens = 20 };
    private static readonly SamplingSpec Other = new() { MaxTokens = 12, Temperature = 0.6, TopK = 40, FrequencyPenalty = 0.4 };

    private readonly TinyModel _folder = new();
    private readonly ICausalLm _model;
    private readonly Tokenizer _tokenizer;

    public ContinuousBatchTests()
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
    public void Step_RequestsThatComeLater_GiveTheSameTextAsAlone()
    {
        using var batch = new ContinuousBatch(_model, _tokenizer, maxRows: 5);
        var found = new Dictionary<int, IReadOnlyList<Rollout>>();
        for (var i = 0; i < 6; i++)
        {
            var index = i;
            batch.Add(Request(index, group => found[index] = group));
            batch.Step();
            batch.Step();
        }

        while (batch.Step())
        {
        }

        Assert.Equal(0, batch.Rows);
        Assert.All(Enumerable.Range(0, 6), index => Assert.Equal(Texts(Alone(index)), Texts(found[index])));
    }

    [Theory]
    [InlineData(1)]     // one row at a time, whatever it takes
    [InlineData(40_000)] // a few blocks
    public void Sample_LittleMemory_GivesTheSameText(long bytes)
    {
        int[][] prompts = [[72, 101, 108], [.. Enumerable.Range(30, 30)], [65]];
        using var free = new Sampler(_model, _tokenizer);
        using var poor = new Sampler(_model, _tokenizer, maxCacheBytes: bytes);

        IEnumerable<string> Sampled(Sampler sampler) => sampler.Sample(prompts, 5, Plain, seed: 3, CancellationToken.None).SelectMany(Texts);

        Assert.Equal(Sampled(free), Sampled(poor));
    }

    [Theory]
    [InlineData("prompt")]
    [InlineData("piece")]
    [InlineData("row")]
    [InlineData("done")]
    public void Step_ListenerThatThrows_CostsNoMemory(string place)
    {
        using var batch = new ContinuousBatch(_model, _tokenizer, maxRows: 4, maxCacheBytes: 12 * KvCache.BytesPerBlock(_model.Config));
        for (var i = 0; i < 20; i++)
        {
            batch.Add(Request(0, _ => { }));
            batch.Add(Request(1, _ => Throw("done")) with { OnPrompt = _ => Throw("prompt"), OnPiece = (_, _) => Throw("piece"), OnRow = (_, _) => Throw("row") });
            Assert.Throws<IOException>(() =>
            {
                while (batch.Step())
                {
                }
            });
            batch.Clear();
            Assert.Equal(batch.Cache!.Blocks, batch.Cache.FreeBlocks);
        }

        IReadOnlyList<Rollout> found = [];
        batch.Add(Request(2, group => found = group));
        while (batch.Step())
        {
        }

        Assert.Equal(Texts(Alone(2)), Texts(found));

        void Throw(string here)
        {
            if (here == place)
            {
                throw new IOException("the listener has gone");
            }
        }
    }

    [Fact]
    public void Fork_NotEnoughBlocks_TakesNone()
    {
        using var cache = new KvCache(_model.Config, 4, "cpu");
        var row = KvCache.NewRow();
        cache.MakeRoom(row, 20);
        row.Length = 20;

        Assert.Throws<InvalidOperationException>(() => cache.Fork(row, 3));

        Assert.Equal(2, cache.FreeBlocks);
        Assert.Equal([1, 1], row.Blocks.Select(cache.UsersOf));
    }

    [Fact]
    public void Fits_SpecificationsOfEqualNumbers_AreDrawnTogether()
    {
        var draw = new TokenDraw(_model, new SamplingSpec { Temperature = 0.7, Stop = ["."], MaxTokens = 5 });

        Assert.True(draw.Fits(new SamplingSpec { Temperature = 0.7, Stop = [] }));
        Assert.False(draw.Fits(new SamplingSpec { Temperature = 0.7, TopK = 3 }));
    }

    [Fact]
    public void Step_CancelledRequest_LeavesWithoutAWord()
    {
        using var batch = new ContinuousBatch(_model, _tokenizer, maxRows: 4);
        using var gone = new CancellationTokenSource();
        IReadOnlyList<Rollout>? found = null;
        batch.Add(Request(1, _ => Assert.Fail("it was cancelled")) with { Cancellation = gone.Token, GroupSize = 6 });
        batch.Step();
        batch.Add(Request(2, group => found = group));
        batch.Step();

        gone.Cancel();
        while (batch.Step())
        {
        }

        Assert.Equal(Texts(Alone(2)), Texts(found!));
    }

    [Fact]
    public void Sample_WeightsChangeBetweenCalls_OldKeysAreForgottenAndNoMemoryIsTaken()
    {
        int[][] prompts = [[.. Enumerable.Range(30, 20)]];
        using var sampler = new Sampler(_model, _tokenizer);
        string[] Sampled(Sampler from) => [.. from.Sample(prompts, 3, Plain, seed: 3, CancellationToken.None).SelectMany(Texts)];
        var before = Sampled(sampler);
        var tensors = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using (torch.NewDisposeScope())
        using (torch.no_grad())
        {
            foreach (var (_, value) in _model.Parameters)
            {
                value.mul_(torch.tensor(1.1f));
            }
        }

        var after = Sampled(sampler);
        Assert.Equal(tensors, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        using var fresh = new Sampler(_model, _tokenizer);
        Assert.Equal(Sampled(fresh), after);
        Assert.NotEqual(before, after);
    }

    private static GroupRequest Request(int index, Action<IReadOnlyList<Rollout>> done) => new()
    {
        Prompt = [.. Enumerable.Range(40, 1 + (index * 7))],
        GroupSize = 1 + (index % 3),
        Spec = index % 2 == 0 ? Plain : Other,
        Seed = (ulong)index,
        Index = index,
        OnDone = done,
    };

    private IReadOnlyList<Rollout> Alone(int index)
    {
        IReadOnlyList<Rollout> found = [];
        using var batch = new ContinuousBatch(_model, _tokenizer);
        batch.Add(Request(index, group => found = group));
        while (batch.Step())
        {
        }

        return found;
    }

    private static string[] Texts(IEnumerable<Rollout> group) => [.. group.Select(rollout => string.Join(' ', rollout.Tokens))];
}
