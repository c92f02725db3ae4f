using RftService.Engine.Checkpoints;
using RftService.Engine.Models;
using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Engine.Tests.Models.Families;

public sealed class FamilyAdapterTests : IDisposable
{
    private static readonly long[,] Tokens = { { 5, 9, 200, 31, 7, 77 } };
    private readonly string _checkpoint = Directory.CreateTempSubdirectory("rft-adapter-").FullName;
    private readonly string _target = Directory.CreateTempSubdirectory("rft-merged-").FullName;

    public static TheoryData<string> Variants => FamilyVariants.Names;

    public void Dispose()
    {
        Directory.Delete(_checkpoint, recursive: true);
        Directory.Delete(_target, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void MergedExport_AllLinear_EqualsTheAdaptersOnTheirBase(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        using var scope = torch.NewDisposeScope();
        var lora = new LoraSpec { Rank = 4, Alpha = 2, RankStabilized = variant.StartsWith("gemma", StringComparison.Ordinal), Dropout = 0.1 };
        using var trained = Trained(folder, lora);
        SafeTensorsWriter.Write(Path.Combine(_checkpoint, "adapter_model.safetensors"), trained.Trainable);
        AdapterConfig.From(lora, trained.Config, "tiny").Save(_checkpoint);

        using var adapted = ModelCatalog.LoadCheckpoint(folder.Folder, _checkpoint, isAdapter: true, "cpu");
        MergedExport.Write(folder.Folder, _checkpoint, _target, CancellationToken.None);
        using var merged = ModelCatalog.LoadCheckpoint(folder.Folder, _target, isAdapter: false, "cpu");
        using var plain = folder.Load();

        var expected = trained.Hidden(torch.tensor(Tokens));
        Assert.True(torch.eq(expected, adapted.Hidden(torch.tensor(Tokens))).all().item<bool>());
        AssertClose(expected, merged.Hidden(torch.tensor(Tokens)), 1e-4f);
        Assert.True((expected - plain.Hidden(torch.tensor(Tokens))).abs().max().item<float>() > 0.01f);
        Assert.Equal(lora.RankStabilized, AdapterConfig.Load(_checkpoint).RankStabilized);
        Assert.Equal(0.1, AdapterConfig.Load(_checkpoint).Dropout);
    }

    [Fact]
    public void Trainable_FusedProjections_HavePeftNames()
    {
        using var folder = FamilyVariants.Make("phi3");
        using var model = folder.Load(new LoraSpec { Rank = 2 });

        Assert.Equal(
            [
                "base_model.model.model.layers.0.self_attn.qkv_proj.lora_A.weight [2, 32]",
                "base_model.model.model.layers.0.self_attn.qkv_proj.lora_B.weight [64, 2]",
                "base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight [2, 32]",
                "base_model.model.model.layers.0.self_attn.o_proj.lora_B.weight [32, 2]",
                "base_model.model.model.layers.0.mlp.gate_up_proj.lora_A.weight [2, 32]",
                "base_model.model.model.layers.0.mlp.gate_up_proj.lora_B.weight [96, 2]",
                "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight [2, 48]",
                "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight [32, 2]",
            ],
            model.Trainable.Take(8).Select(parameter => $"{parameter.Name} [{string.Join(", ", parameter.Value.shape)}]"));
        Assert.Equal(["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], AdapterConfig.From(model.Lora!, model.Config, null).TargetModules);
    }

    [Fact]
    public void LoadCheckpoint_TargetsOfAnotherFamily_AreRefused()
    {
        using var folder = FamilyVariants.Make("llama");
        using var phi = FamilyVariants.Make("phi3");
        using var model = phi.Load(new LoraSpec { Rank = 2 });
        SafeTensorsWriter.Write(Path.Combine(_checkpoint, "adapter_model.safetensors"), model.Trainable);
        AdapterConfig.From(model.Lora!, model.Config, null).Save(_checkpoint);

        var refused = Assert.Throws<ModelFolderException>(() => ModelCatalog.LoadCheckpoint(folder.Folder, _checkpoint, isAdapter: true, "cpu"));

        Assert.Equal(("adapter_config.json", "/target_modules"), (refused.File, refused.Pointer));
        Assert.Equal(["all-linear", "qkv_proj", "o_proj", "gate_up_proj", "down_proj"], ModelCatalog.LoraTargetsOf("phi3"));
    }

    [Fact]
    public void Scale_RankStabilized_GrowsWithTheRootOfTheRank()
    {
        Assert.Equal(8.0, new LoraSpec { Rank = 4, Alpha = 32 }.Scale);
        Assert.Equal(16.0, new LoraSpec { Rank = 4, Alpha = 32, RankStabilized = true }.Scale);
    }

    [Fact]
    public void Dropout_InTraining_FollowsTheSeedAndKeepsTheMean()
    {
        using var folder = FamilyVariants.Make("llama");
        using var scope = torch.NewDisposeScope();
        using var model = Trained(folder, new LoraSpec { Rank = 4, Dropout = 0.25 });
        torch.Tensor Hidden(ulong? seed)
        {
            model.DropoutSeed = seed;
            return model.Hidden(torch.tensor(Tokens));
        }

        var (whole, first, again, other) = (Hidden(null), Hidden(1), Hidden(1), Hidden(2));

        Assert.True(torch.eq(first, again).all().item<bool>());
        Assert.False(torch.eq(first, other).all().item<bool>());
        Assert.False(torch.eq(first, whole).all().item<bool>());
        Assert.True(torch.eq(whole, Hidden(null)).all().item<bool>());

        // One linear layer, so that the mean passes through: Σ over 4,000 masks of A·(m ⊙ x) / (1 − p) is A·x, within 4 standard errors.
        using var a = torch.ones(1, 64);
        using var b = torch.ones(1, 1);
        var sums = new double[4000];
        for (var seed = 0; seed < sums.Length; seed++)
        {
            var adapterSwitch = new Engine.Models.Blocks.AdapterSwitch { DropoutSeed = (ulong)seed };
            var layer = new Engine.Models.Blocks.LowRank(a, b, new LoraSpec { Rank = 1, Alpha = 1, Dropout = 0.25 }, index: 3, adapterSwitch);
            using var y = layer.Forward(torch.ones(1, 64));
            sums[seed] = y.item<float>();
        }

        // Variance of one: 64 · p / (1 − p).
        Assert.InRange(sums.Average(), 64 - (4 * Math.Sqrt(64 * 0.25 / 0.75 / sums.Length)), 64 + (4 * Math.Sqrt(64 * 0.25 / 0.75 / sums.Length)));
    }

    [Fact]
    public void Freeze_FirstLayerAndEmbeddings_TrainsTheRest()
    {
        using var folder = FamilyVariants.Make("mistral");
        using var scope = torch.NewDisposeScope();
        using var model = ModelCatalog.Load(folder.Folder, "cpu", freeze: new FreezeSpec { Layers = 1, Embeddings = true });

        TrainingRow row = new(0, [5, 9, 200], [31, 7, 77, 3], null, 1);
        new PolicyForward(model, temperature: 1).Backward(MicroBatch.Of([row], torch.CPU), dropoutSeed: 0, (logProbs, _) => logProbs.sum());

        Assert.Equal(
            model.Parameters.Select(parameter => parameter.Name).Where(name => name.StartsWith("model.layers.1.", StringComparison.Ordinal)
                || name is "model.norm.weight" or "lm_head.weight"),
            model.Trainable.Select(parameter => parameter.Name));
        Assert.All(model.Parameters, parameter => Assert.Equal(parameter.Value.requires_grad, parameter.Value.grad is not null));
    }

    private static ICausalLm Trained(TinyModel folder, LoraSpec lora)
    {
        var model = folder.Load(lora);
        using var gradientOff = torch.no_grad();
        foreach (var (index, (_, value)) in model.Trainable.Index())
        {
            value.copy_(torch.arange(value.numel()).add(index).sin().mul(0.1f).view(value.shape));
        }

        return model;
    }

    private static void AssertClose(torch.Tensor expected, torch.Tensor actual, float tolerance)
    {
        using var difference = (expected - actual).abs().max();
        Assert.InRange(difference.item<float>(), 0f, tolerance);
    }
}
