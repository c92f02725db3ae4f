using RftService.Engine.Training;
using RftService.Engine.Training.Optimizers;
using TorchSharp;

namespace RftService.Engine.Tests.Training;

public sealed class OptimizerTests
{
    private static readonly AdamWSpec Spec = new() { WeightDecay = 0.1, Beta2 = 0.95 };

    [Fact]
    public void AdamW_SomeSteps_EqualTorchsOwn()
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(3);
        var mine = torch.randn(4, 3).requires_grad_();
        var theirs = torch.nn.Parameter(mine.detach().clone());
        using var optimizer = new AdamW([("w", mine)], Spec);
        using var reference = torch.optim.AdamW([theirs], lr: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1);

        for (var step = 0; step < 5; step++)
        {
            var target = torch.randn(4, 3);
            optimizer.ZeroGradients();
            reference.zero_grad();
            (mine - target).square().sum().backward();
            (theirs - target).square().sum().backward();
            optimizer.Step(0.01);
            reference.step();
        }

        Assert.True(mine.allclose(theirs, 1e-5, 1e-6));
    }

    [Fact]
    public void AdamW_OneDimensionalParameter_DoesNotDecay()
    {
        using var scope = torch.NewDisposeScope();
        var (norm, matrix) = (torch.ones(3).requires_grad_(), torch.ones(2, 2).requires_grad_());
        using var optimizer = new AdamW([("norm", norm), ("matrix", matrix)], Spec);

        optimizer.Step(0.5); // all gradients are 0: only the decay moves anything, by 0.5 * 0.1

        Assert.Equal(1f, norm[0].item<float>());
        Assert.Equal(0.95f, matrix[0, 0].item<float>(), 1e-6f);
    }

    [Fact]
    public void AdamW_SavedAndLoadedState_GoesOnBitForBit()
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(4);
        var first = torch.randn(6).requires_grad_();
        using var optimizer = new AdamW([("w", first)], Spec);
        Advance(optimizer, first, 3);

        var second = first.detach().clone().requires_grad_();
        using var resumed = new AdamW([("w", second)], Spec);
        resumed.Load(optimizer.State.ToDictionary(entry => entry.Name, entry => entry.Value.clone()));
        Advance(optimizer, first, 2);
        Advance(resumed, second, 2);

        Assert.Equal(first.data<float>().ToArray(), second.data<float>().ToArray());
    }

    [Fact]
    public void AdamW_StateOfAnotherModel_IsRefused()
    {
        using var scope = torch.NewDisposeScope();
        using var optimizer = new AdamW([("w", torch.randn(6).requires_grad_())], Spec);

        Assert.Throws<InvalidDataException>(() => optimizer.Load(new Dictionary<string, torch.Tensor>()));
    }

    [Fact]
    public void GradientClip_NormAboveLimit_ScalesAllGradients()
    {
        using var scope = torch.NewDisposeScope();
        var gradients = new[] { torch.tensor(new[] { 3f, 0f }), torch.tensor(new[] { 4f }) };

        Assert.Equal(5.0, GradientClip.Apply(gradients, 1.0), 1e-6); // sqrt(9 + 16)
        Assert.Equal(0.6f, gradients[0][0].item<float>(), 1e-6f);
        Assert.Equal(0.8f, gradients[1][0].item<float>(), 1e-6f);
        Assert.Equal(1.0, GradientClip.Apply(gradients, 2.0), 1e-6);
        Assert.Equal(0.6f, gradients[0][0].item<float>(), 1e-6f);
    }

    [Fact]
    public void GradientClip_NotFinite_IsReported()
    {
        using var scope = torch.NewDisposeScope();

        Assert.False(double.IsFinite(GradientClip.Apply([torch.tensor(new[] { float.NaN, 1f })], 1.0)));
    }

    [Theory]
    [InlineData(ScheduleKind.Constant, 1, 0.5)]  // warm-up of 2: half, whole, then constant
    [InlineData(ScheduleKind.Constant, 2, 1.0)]
    [InlineData(ScheduleKind.Constant, 10, 1.0)]
    [InlineData(ScheduleKind.Linear, 3, 1.0)]
    [InlineData(ScheduleKind.Linear, 7, 0.5)]    // 4 of 8 steps after warm-up are done
    [InlineData(ScheduleKind.Cosine, 7, 0.5)]
    [InlineData(ScheduleKind.Linear, 10, 0.125)]
    public void Rate_StepsOfASchedule_AreAsDocumented(ScheduleKind schedule, int step, double share)
    {
        var spec = new AdamWSpec { LearningRate = 0.02, WarmupSteps = 2, Schedule = schedule };

        Assert.Equal(0.02 * share, LearningRateSchedule.Rate(spec, step, totalSteps: 10), 1e-12);
    }

    private static void Advance(AdamW optimizer, torch.Tensor value, int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            optimizer.ZeroGradients();
            value.square().sum().backward();
            optimizer.Step(0.1);
        }
    }
}
