using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Tests.Models.Families;
using TorchSharp;

namespace RftService.Engine.Tests.Models;

public sealed class DecoderTests
{
    private static readonly long[,] Tokens = { { 5, 9, 200, 31, 7, 77 }, { 1, 2, 3, 4, 5, 6 } };

    [Fact]
    public void Parameters_TiedModel_HaveHuggingFaceNames()
    {
        using var folder = new TinyModel(config => config["num_hidden_layers"] = 1);
        using var model = folder.Load();

        Assert.Equal(
            [
                "model.embed_tokens.weight [260, 32]",
                "model.layers.0.self_attn.q_proj.weight [32, 32]",
                "model.layers.0.self_attn.k_proj.weight [16, 32]",
                "model.layers.0.self_attn.v_proj.weight [16, 32]",
                "model.layers.0.self_attn.o_proj.weight [32, 32]",
                "model.layers.0.mlp.gate_proj.weight [48, 32]",
                "model.layers.0.mlp.up_proj.weight [48, 32]",
                "model.layers.0.mlp.down_proj.weight [32, 48]",
                "model.layers.0.input_layernorm.weight [32]",
                "model.layers.0.post_attention_layernorm.weight [32]",
                "model.norm.weight [32]",
            ],
            model.Parameters.Select(parameter => $"{parameter.Name} [{string.Join(", ", parameter.Value.shape)}]"));
        Assert.Same(model.Parameters[0].Value, model.HeadWeight);
        Assert.Equal(model.Parameters, model.Trainable);
    }

    [Fact]
    public void Load_OnlyHeadStored_EqualsOnlyEmbeddingStored()
    {
        using var scope = torch.NewDisposeScope();
        using var embedding = new TinyModel();
        using var head = new TinyModel(headOnly: true);
        using var left = embedding.Load();
        using var right = head.Load();

        Assert.Equal("model.embed_tokens.weight", right.Parameters[0].Name);
        Assert.True(torch.eq(left.Hidden(torch.tensor(Tokens)), right.Hidden(torch.tensor(Tokens))).all().item<bool>());
    }

    [Fact]
    public void Gradient_TiedMatrix_ComesFromBothUses()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var pass = model.Train(torch.tensor(Tokens));
        var hidden = pass.Hidden.detach().requires_grad_();

        torch.nn.functional.linear(hidden, model.HeadWeight).logsumexp(-1).sum().backward();
        pass.Backward(hidden.grad!);

        // Token 250 is in no row: its gradient is the head's alone. Token 200 has both, and they differ from the head's alone.
        var both = model.HeadWeight.grad!.clone();
        model.HeadWeight.grad!.zero_();
        torch.nn.functional.linear(hidden.detach(), model.HeadWeight).logsumexp(-1).sum().backward();
        var headOnly = model.HeadWeight.grad!;
        AssertClose(headOnly[250], both[250]);
        Assert.True((both[200] - headOnly[200]).abs().max().item<float>() > 1e-3f);
    }

    [Fact]
    public void Lora_New_IsTheBaseAndGetsAllGradient()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TinyModel();
        using var plain = folder.Load();
        using var model = folder.Load(new LoraSpec { Rank = 2, Alpha = 4, TargetModules = ["q_proj", "down_proj"] }, seed: 3);
        var tokens = torch.tensor(Tokens);

        Assert.True(torch.eq(plain.Hidden(tokens), model.Hidden(tokens)).all().item<bool>());
        Assert.Equal(
            ["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"],
            model.Trainable.Take(2).Select(parameter => parameter.Name));
        Assert.Equal(8, model.Trainable.Count);

        using (var pass = model.Train(tokens))
        {
            pass.Backward(pass.Hidden);
        }

        Assert.Equal(
            model.Trainable.Select(parameter => parameter.Name),
            model.Parameters.Where(parameter => parameter.Value.grad is not null).Select(parameter => parameter.Name));
        var b = model.Trainable[1].Value;
        Assert.True(b.grad!.abs().max().item<float>() > 0);

        using (torch.no_grad())
        {
            b.add_(0.5f);
        }

        Assert.False(torch.eq(plain.Hidden(tokens), model.Hidden(tokens)).all().item<bool>());
        model.AdaptersEnabled = false;
        Assert.True(torch.eq(plain.Hidden(tokens), model.Hidden(tokens)).all().item<bool>());
    }

    [Fact]
    public void Lora_SameSeed_GivesSameAdapters()
    {
        using var folder = new TinyModel();
        using var first = folder.Load(new LoraSpec { Rank = 2 }, seed: 3);
        using var second = folder.Load(new LoraSpec { Rank = 2 }, seed: 3);
        using var other = folder.Load(new LoraSpec { Rank = 2 }, seed: 4);

        Assert.True(torch.eq(first.Trainable[0].Value, second.Trainable[0].Value).all().item<bool>());
        Assert.False(torch.eq(first.Trainable[0].Value, other.Trainable[0].Value).all().item<bool>());
    }

    [Fact]
    public void Rotary_Llama3Scaling_KeepsShortWavesAndStretchesLongOnes()
    {
        using var folder = FamilyVariants.Make("llama3");
        var rope = ModelConfig.Load(folder.Folder).Attention[0].Rope!;
        var plain = Engine.Models.Blocks.Rotary.Frequencies(rope with { Scaling = null });

        var stretched = Engine.Models.Blocks.Rotary.Frequencies(rope);

        // Original context 32: wave 2π is below 32/4, so it is left alone; wave 2π·1000 is above 32/1 and divided by 8.
        Assert.Equal(plain[0], stretched[0]);
        Assert.Equal(plain[3] / 8, stretched[3], 1e-12);
    }

    [Fact]
    public void Forward_ManySteps_LeavesNoTensorBehind()
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        var counts = new List<long>();
        for (var step = 0; step < 6; step++)
        {
            using (var scope = torch.NewDisposeScope())
            {
                using var pass = model.Train(torch.tensor(Tokens));
                pass.Backward(torch.ones_like(pass.Hidden));
                using var cache = new KvCache(model.Config, blocks: 4, "cpu");
                KvRow[] rows = [KvCache.NewRow(), KvCache.NewRow()];
                model.Decode(torch.tensor(Tokens), cache, rows, counts: [(int)Tokens.GetLength(1), 1]);
                model.Decode(torch.tensor(Tokens).narrow(1, 0, 1), cache, rows);
                model.Decode(torch.tensor(Tokens).narrow(1, 0, 2), cache, rows);
                cache.Fork(rows[0], 1);
            }

            counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }

        Assert.Equal(counts[1], counts[5]);
    }

    private static void AssertClose(torch.Tensor expected, torch.Tensor actual)
    {
        using var difference = (expected - actual).abs().max();
        Assert.InRange(difference.item<float>(), 0f, 2e-5f);
    }
}
