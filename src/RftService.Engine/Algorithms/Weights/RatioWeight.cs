using System.ComponentModel.DataAnnotations;
using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Algorithms.Weights;

/// <summary>The importance ratio πθ/μ between limits: truncated importance sampling, CISPO, ScaleRL, AIPO.</summary>
public sealed record RatioWeight : WeightSpec, IValidatableObject
{
    /// <summary>What the ratio belongs to.</summary>
    public RatioLevel Level { get; init; } = RatioLevel.Token;

    /// <summary>Smallest weight.</summary>
    [Range(0.0, 1e6)]
    public double Lower { get; init; }

    /// <summary>Largest weight, the ratio itself and not its distance from 1; absent: no limit.</summary>
    [Range(0.0, 1e6)]
    public double? Upper { get; init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        Lower > Upper ? [new ValidationResult($"lower ({Lower}) must not exceed upper ({Upper})", [nameof(Lower)])] : [];

    internal override Tensor Of(PolicyBatch batch) => Ratio.Between(Ratio.Log(batch, Level), Lower, Upper);

    internal override IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch)
    {
        var ratio = Ratio.Of(batch, Level);                                                     // [B, T] or [B, 1]
        yield return batch.TokenMean("ratio/weight_mean", Of(batch));
        if (Upper is { } upper)
        {
            yield return batch.TokenMean("ratio/capped_share", ratio > Constant.Of(upper));
        }

        if (Lower > 0)
        {
            yield return batch.TokenMean("ratio/floored_share", ratio < Constant.Of(Lower));
        }
    }
}
