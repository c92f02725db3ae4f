using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Training;

/// <summary>AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with float32 state and global-norm clipping.</summary>
public sealed record OptimizerSpec
{
    /// <summary>Peak learning rate.</summary>
    [Range(1e-9, 1.0)]
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Steps over which the rate rises linearly from 0.</summary>
    [Range(0, 1_000_000)]
    public int WarmupSteps { get; init; }

    /// <summary>The rate after warm-up. `linear` and `cosine` reach 0 after the last step and need `steps`.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Constant;

    /// <summary>Decay of the first moment.</summary>
    [Range(0.0, 0.9999)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    [Range(0.0, 0.99999)]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator.</summary>
    [Range(1e-16, 1e-2)]
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay; not applied to one-dimensional parameters.</summary>
    [Range(0.0, 1.0)]
    public double WeightDecay { get; init; }

    /// <summary>Global gradient norm above which gradients are scaled down.</summary>
    [Range(1e-6, 1e6)]
    public double MaxGradientNorm { get; init; } = 1.0;
}

/// <summary>Shape of the learning rate over the run.</summary>
public enum ScheduleKind
{
    /// <summary>The peak rate to the end.</summary>
    Constant,

    /// <summary>Falls linearly to 0.</summary>
    Linear,

    /// <summary>Falls along half a cosine to 0.</summary>
    Cosine,
}
