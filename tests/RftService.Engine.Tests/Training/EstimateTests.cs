using RftService.Engine.Algorithms;
using RftService.Engine.Models;
using RftService.Engine.Tests.Models;
using RftService.Engine.Training.Optimizers;
using RftService.Engine.Training.Planning;

namespace RftService.Engine.Tests.Training;

public sealed class EstimateTests
{
    private static readonly RunLengths Lengths = new(8, 10, 20, 30, 40, Samples: true, NeedsReference: false);
    private static readonly Recipe Recipe = new() { Algorithm = new ToprOptions(), Steps = 1 };

    [Fact]
    public void Memory_Parts_FollowTheRecipe()
    {
        using var folder = new TinyModel();
        var config = ModelConfig.Load(folder.Folder);
        using var model = folder.Load();
        var parameters = model.Parameters.Sum(parameter => parameter.Value.numel());

        var whole = MemoryEstimate.Of(config, Recipe, Lengths);
        var frozen = MemoryEstimate.Of(config, Recipe with { Freeze = new FreezeSpec { Layers = 1 } }, Lengths);
        var sgd = MemoryEstimate.Of(config, Recipe with { Optimizer = new SgdSpec { Momentum = 0 } }, Lengths);
        var adapter = MemoryEstimate.Of(config, Recipe with { Lora = new LoraSpec { Rank = 2 } }, Lengths with { NeedsReference = true });
        var compared = MemoryEstimate.Of(config, Recipe, Lengths with { NeedsReference = true });
        var recomputed = MemoryEstimate.Of(config, Recipe with { RecomputeActivations = true }, Lengths);

        Assert.Equal((4 * parameters, 4 * parameters), (whole.Weights, whole.Gradients));
        Assert.Equal((8 * parameters) + (4 * model.Parameters.Count), whole.Optimizer);
        Assert.True(frozen.Gradients < whole.Gradients && frozen.Optimizer < whole.Optimizer && frozen.Weights == whole.Weights);
        Assert.Equal(0, sgd.Optimizer);
        Assert.Equal((0, whole.Weights), (adapter.Reference, compared.Reference)); // an adapter is switched off instead
        Assert.True(recomputed.Activations < whole.Activations);
        Assert.Equal(whole.Runtime + whole.Weights + whole.Gradients + whole.Optimizer + whole.Activations + whole.Head + whole.KeyValueCache, whole.Peak);
    }

    [Fact]
    public void Time_OfAStep_GrowsWithWorkAndFallsWithSpeed()
    {
        using var folder = new TinyModel();
        var config = ModelConfig.Load(folder.Folder);

        var one = TimeEstimate.Of(config, Recipe, Lengths, 1e9);
        var twice = TimeEstimate.Of(config, Recipe, Lengths with { Rows = 16 }, 1e9);
        var faster = TimeEstimate.Of(config, Recipe, Lengths, 2e9);
        var recomputed = TimeEstimate.Of(config, Recipe with { RecomputeActivations = true }, Lengths, 1e9);

        Assert.Equal(one.StepSeconds / 2, faster.StepSeconds, 1e-9);
        Assert.InRange(twice.TrainingSeconds / one.TrainingSeconds, 1.8, 2.0);
        Assert.InRange(recomputed.TrainingSeconds / one.TrainingSeconds, 1.05, 2.0);
        Assert.Equal(0, TimeEstimate.Of(config, Recipe, Lengths with { Samples = false }, 1e9).SamplingSeconds);
    }
}
