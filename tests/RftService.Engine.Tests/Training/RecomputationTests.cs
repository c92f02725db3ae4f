using RftService.Engine.Algorithms;
using RftService.Engine.Models;
using RftService.Engine.Tests.Models.Families;
using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

public sealed class RecomputationTests
{
    public static TheoryData<string> Variants => FamilyVariants.Names;

    [Theory]
    [MemberData(nameof(Variants))]
    public void Backward_WholeModel_EqualsThePlainPass(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        AssertEqual(() => ModelCatalog.Load(folder.Folder, "cpu"));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Backward_AdaptersWithDropout_EqualsThePlainPass(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        AssertEqual(() =>
        {
            using var gradientOff = torch.no_grad();
            using var generator = new torch.Generator(5); // tests beside this one draw from the global one
            var model = ModelCatalog.Load(folder.Folder, "cpu", new LoraSpec { Rank = 2, Alpha = 3, Dropout = 0.3 }, seed: 1);
            foreach (var (_, value) in model.Trainable)
            {
                value.add_(torch.randn(value.shape, generator: generator).mul_(0.1)); // B is 0 in a new adapter, and so would be the gradient of A
            }

            return model;
        });
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(1, false)]
    public void Backward_FrozenParts_EqualsThePlainPass(int layers, bool embeddings)
    {
        using var folder = FamilyVariants.Make("mistral");
        AssertEqual(() => ModelCatalog.Load(folder.Folder, "cpu", freeze: new FreezeSpec { Layers = layers, Embeddings = embeddings }));
    }

    [Fact]
    public void Backward_ManyPasses_KeepTheNumberOfLiveTensors()
    {
        using var folder = FamilyVariants.Make("llama");
        using var scope = torch.NewDisposeScope();
        using var model = ModelCatalog.Load(folder.Folder, "cpu");
        var counts = new List<long>();
        for (var i = 0; i < 10; i++)
        {
            Gradients(model, recompute: true);
            counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }

        Assert.Equal(counts[2], counts[9]);
    }

    [Fact]
    public void Run_WithRecomputation_IsTheSameRun()
    {
        using var run = new TinyRun();
        var recipe = TinyRun.Recipe(new GrpoOptions()) with { Steps = 2, Lora = new LoraSpec { Rank = 4, Dropout = 0.2 } };

        var plain = run.Run(run.Spec(recipe)).Numbers(1);

        Assert.Equal(plain, run.Run(run.Spec(recipe with { RecomputeActivations = true })).Numbers(1));
    }

    private static void AssertEqual(Func<ICausalLm> load)
    {
        using var scope = torch.NewDisposeScope();
        using var plain = load();
        using var recomputed = load();

        var expected = Gradients(plain, recompute: false);

        // Twice, so that gradients are also added to those that are there.
        Assert.Equal(expected, Gradients(recomputed, recompute: true));
        Assert.Equal(Gradients(plain, recompute: false), Gradients(recomputed, recompute: true));
    }

    private static Dictionary<string, float[]> Gradients(ICausalLm model, bool recompute)
    {
        using var scope = torch.NewDisposeScope();
        TrainingRow[] rows =
        [
            new(0, [5, 9, 200], [31, 7, 77, 3], null, 1),
            new(0, [8], [1, 2], null, 1),
        ];
        new PolicyForward(model, 1.0, recompute).Backward(
            MicroBatch.Of(rows, torch.CPU), dropoutSeed: 17, (logProbs, entropy) => (logProbs * logProbs).sum());
        return model.Trainable.ToDictionary(parameter => parameter.Name, parameter => parameter.Value.grad!.data<float>().ToArray());
    }
}
