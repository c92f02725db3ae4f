using System.Text.Json.Nodes;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Tests.Models;

public sealed class DecoderTests
{
    private static readonly long[,] Tokens = { { 5, 9, 200, 31, 7, 77 }, { 1, 2, 3, 4, 5, 6 } };

    public static TheoryData<string> Variants => ["llama", "llama-biased", "llama3-rope", "qwen2", "qwen3", "untied"];

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

    [Theory]
    [MemberData(nameof(Variants))]
    public void Decode_StepByStep_EqualsFullForward(string variant)
    {
        using var scope = torch.NewDisposeScope();
        using var folder = Folder(variant);
        using var model = folder.Load();
        var tokens = torch.tensor(Tokens);
        var full = model.Hidden(tokens);

        using var cache = new KvCache(model.Config, rows: 2, capacity: 8, "cpu");
        var parts = new[] { model.Decode(tokens.narrow(1, 0, 3), cache), model.Decode(tokens.narrow(1, 3, 1), cache), model.Decode(tokens.narrow(1, 4, 2), cache) };

        AssertClose(full, torch.cat(parts, 1));
        Assert.Equal(6, cache.Length);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(3, 0)]
    [InlineData(2, 1)]
    public void Hidden_PaddedOnEitherSide_IsThatOfTheRowAlone(int left, int right)
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TinyModel();
        using var model = folder.Load();
        var row = torch.tensor(new long[,] { { 5, 9, 200 } });
        var padded = torch.cat([torch.full(1, left, 250, torch.int64), row, torch.full(1, right, 251, torch.int64)], 1);
        var tokens = torch.cat([torch.tensor(Tokens), padded], 0);
        var padding = torch.zeros(3, 6, torch.@bool);
        padding[2].narrow(0, 0, left).fill_(true);
        padding[2].narrow(0, left + 3, right).fill_(true);

        var hidden = model.Hidden(tokens, padding);

        AssertClose(model.Hidden(row)[0], hidden[2].narrow(0, left, 3));
        AssertClose(model.Hidden(torch.tensor(Tokens)), hidden.narrow(0, 0, 2));
        hidden.sum().backward();
        Assert.All(model.Trainable, parameter => Assert.True(parameter.Value.grad!.isfinite().all().item<bool>()));
    }

    [Fact]
    public void Decode_LeftPaddedRow_IsThatOfTheRowAlone()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TinyModel();
        using var model = folder.Load();
        var alone = model.Hidden(torch.tensor(new long[,] { { 5, 9, 200, 31 } }));
        var tokens = torch.tensor(new long[,] { { 0, 0, 5, 9, 200, 31 }, { 1, 2, 3, 4, 5, 6 } });

        using var prompts = new KvCache(model.Config, rows: 2, capacity: 5, "cpu", starts: [2, 0]);
        model.Decode(tokens.narrow(1, 0, 5), prompts);
        using var groups = prompts.Expand(times: 2, capacity: 6);
        groups.Keep([2, 1]);
        var next = model.Decode(tokens.narrow(1, 5, 1).flip(0), groups);

        AssertClose(alone[0, 3], next[1, 0]);
        AssertClose(model.Hidden(tokens)[1, 5], next[0, 0]);
    }

    [Fact]
    public void Gradient_TiedMatrix_ComesFromBothUses()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TinyModel();
        using var model = folder.Load();
        var hidden = model.Hidden(torch.tensor(Tokens));

        torch.nn.functional.linear(hidden, model.HeadWeight).logsumexp(-1).sum().backward();

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

        model.Hidden(tokens).square().sum().backward();
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
        using var folder = Folder("llama3-rope");
        var config = ModelConfig.Load(folder.Folder);
        var plain = Engine.Models.Blocks.Rotary.Frequencies(config with { RopeScaling = null });

        var stretched = Engine.Models.Blocks.Rotary.Frequencies(config);

        // Original context 32: wave 2π is below 32/4, so it is left alone; wave 2π·1000 is above 32/1 and divided by 8.
        Assert.Equal(plain[0], stretched[0]);
        Assert.Equal(plain[3] / 8, stretched[3], 1e-9f);
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
                model.Hidden(torch.tensor(Tokens)).sum().backward();
                using var cache = new KvCache(model.Config, rows: 2, capacity: 8, "cpu", starts: [1, 0]);
                model.Decode(torch.tensor(Tokens), cache);
                model.Decode(torch.tensor(Tokens).narrow(1, 0, 1), cache);
                cache.Keep([0]);
            }

            counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }

        Assert.Equal(counts[1], counts[5]);
    }

    private static TinyModel Folder(string variant) => new(config =>
    {
        switch (variant)
        {
            case "llama-biased":
                (config["attention_bias"], config["mlp_bias"]) = (true, true);
                break;
            case "llama3-rope":
                config["rope_scaling"] = JsonNode.Parse(
                    """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":32}""");
                break;
            case "qwen2":
                (config["architectures"], config["model_type"]) = (new JsonArray("Qwen2ForCausalLM"), "qwen2");
                break;
            case "qwen3":
                (config["architectures"], config["model_type"], config["head_dim"]) = (new JsonArray("Qwen3ForCausalLM"), "qwen3", 12);
                break;
            case "untied":
                config["tie_word_embeddings"] = false;
                break;
            default:
                break;
        }
    });

    private static void AssertClose(torch.Tensor expected, torch.Tensor actual)
    {
        using var difference = (expected - actual).abs().max();
        Assert.InRange(difference.item<float>(), 0f, 2e-5f);
    }
}
