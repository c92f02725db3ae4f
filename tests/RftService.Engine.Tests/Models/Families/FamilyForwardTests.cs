using RftService.Engine.Models;
using RftService.Engine.Models.Blocks;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Tests.Models.Families;

public sealed class FamilyForwardTests
{
    private static readonly int[] Row = [5, 9, 200, 31, 7, 77, 12, 3];

    public static TheoryData<string> Variants => FamilyVariants.Names;

    [Theory]
    [MemberData(nameof(Variants))]
    public void Logits_InDoublePrecision_EqualTheNaiveDecoder(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        using var scope = torch.NewDisposeScope();
        using var model = ModelCatalog.Load(folder.Folder, "cpu", lora: null, seed: 0, torch.ScalarType.Float64);

        AssertLogits(new NaiveDecoder(folder).Logits(Row), model, 1e-9);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Logits_InSinglePrecision_EqualTheNaiveDecoder(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        using var scope = torch.NewDisposeScope();
        using var model = folder.Load();

        AssertLogits(new NaiveDecoder(folder).Logits(Row), model, 2e-4);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Decode_InParts_EqualsFullForward(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        using var scope = torch.NewDisposeScope();
        using var model = folder.Load();
        var tokens = Tensor(Row);

        foreach (var parts in new int[][] { [8], [3, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1], [4, 1, 3], [2, 5, 1] })
        {
            using var cache = new KvCache(model.Config, blocks: 1, "cpu");
            KvRow[] row = [KvCache.NewRow()];
            var pieces = parts.Select((length, index) => model.Decode(tokens.narrow(1, parts.Take(index).Sum(), length), cache, row)).ToArray();
            AssertClose(model.Hidden(tokens), torch.cat(pieces, 1));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Hidden_PaddedOnEitherSide_IsThatOfTheRowAlone(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        using var scope = torch.NewDisposeScope();
        using var model = folder.Load();
        var alone = model.Hidden(Tensor(Row));
        foreach (var (left, right) in new[] { (0, 4), (4, 0), (3, 1) })
        {
            int[] padded = [.. Enumerable.Repeat(250, left), .. Row, .. Enumerable.Repeat(251, right)];
            int[] other = [.. Enumerable.Range(100, 12)];
            var padding = torch.zeros(2, 12, torch.@bool);
            padding[0].narrow(0, 0, left).fill_(true);
            padding[0].narrow(0, left + Row.Length, right).fill_(true);

            using var pass = model.Train(torch.cat([Tensor(padded), Tensor(other)], 0), padding);
            var hidden = pass.Hidden;

            AssertClose(alone[0], hidden[0].narrow(0, left, Row.Length));
            AssertClose(model.Hidden(Tensor(other))[0], hidden[1]);
            pass.Backward(torch.ones_like(hidden));
            Assert.All(model.Trainable, parameter => Assert.True(parameter.Value.grad?.isfinite().all().item<bool>() ?? parameter.Name == ModelLayout.Head));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Decode_ForksOfRowsOfDifferentLength_AreThoseOfTheRowsAlone(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        using var scope = torch.NewDisposeScope();
        using var model = folder.Load();
        int[] other = [.. Enumerable.Range(100, 40)];
        var tokens = torch.cat([Tensor([.. Row[..5], .. Enumerable.Repeat(250, 28)]), Tensor(other[..33])], 0);

        using var cache = new KvCache(model.Config, blocks: 12, "cpu");
        KvRow[] prompts = [KvCache.NewRow(), KvCache.NewRow()];
        model.Decode(tokens, cache, prompts, counts: [5, 33]);
        KvRow[] rows = [cache.Fork(prompts[1], 2)[1], .. cache.Fork(prompts[0], 2)];
        cache.Release(prompts[0]);
        cache.Release(prompts[1]);
        var next = torch.cat(
            [.. Enumerable.Range(0, 3).Select(i => model.Decode(torch.tensor(new long[] { other[33 + i], Row[5 + i], Row[5] }).unsqueeze(1), cache, rows))], 1);
        // Several positions behind others go another way than one.
        var more = model.Decode(torch.cat([Tensor(other[36..39]), Tensor([1, 2, 3])], 0), cache, rows[..2], counts: [3, 2]);

        AssertClose(model.Hidden(Tensor(other))[0].narrow(0, 33, 3), next[0]);
        AssertClose(model.Hidden(Tensor(Row))[0].narrow(0, 5, 3), next[1]);
        AssertClose(model.Hidden(Tensor([.. Row[..5], Row[5], Row[5], Row[5]]))[0].narrow(0, 5, 3), next[2]);
        AssertClose(model.Hidden(Tensor(other))[0].narrow(0, 36, 3), more[0]);
        AssertClose(model.Hidden(Tensor([.. Row, 1, 2]))[0].narrow(0, 8, 2), more[1].narrow(0, 0, 2));
    }

    private static void AssertLogits(double[][] expected, ICausalLm model, double tolerance)
    {
        var logits = torch.nn.functional.linear(model.Hidden(Tensor(Row)), model.HeadWeight);
        logits = (SoftCap.Of(model.Config.LogitSoftCap)?.Apply(logits) ?? logits)[0].to(torch.float64);
        var actual = logits.data<double>().ToArray();
        var flat = expected.SelectMany(row => row).ToArray();
        var largest = flat.Max(Math.Abs);
        Assert.True(largest > 0.5, "logits near 0 would prove little");
        Assert.Equal(flat.Length, actual.Length);
        Assert.InRange(flat.Zip(actual, (left, right) => Math.Abs(left - right)).Max(), 0, tolerance * largest);
    }

    private static torch.Tensor Tensor(int[] row) => torch.tensor(row.Select(token => (long)token).ToArray()).unsqueeze(0);

    private static void AssertClose(torch.Tensor expected, torch.Tensor actual)
    {
        using var difference = (expected - actual).abs().max();
        Assert.InRange(difference.item<float>(), 0f, 5e-5f);
    }
}
