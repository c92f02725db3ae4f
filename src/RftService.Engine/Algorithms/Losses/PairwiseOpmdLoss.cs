using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>
/// Pairwise form of online policy mirror descent (arXiv:2509.24203): 1/K² Σ_{i&lt;j} (a_i − a_j)² / (1 + τ)² over the K completions of a
/// prompt, with a = r − τ log(πθ/μ).
/// </summary>
public sealed record PairwiseOpmdLoss : GroupLossSpec
{
    /// <summary>τ.</summary>
    [Range(0.0001, 100.0)]
    public double Tau { get; init; } = 0.1;

    internal override IReadOnlyList<(double Slope, double Value)> Of(IReadOnlyList<SurveyedCompletion> group)
    {
        var regularized = group.Select(one => one.Reward - (Tau * (one.LogProbs.Sum() - one.BehaviorLogProbs.Sum()))).ToArray();
        var scale = 1 / ((double)group.Count * group.Count * (1 + Tau) * (1 + Tau));
        return [.. regularized.Select(own => (
            -Tau * 2 * scale * regularized.Sum(other => own - other),
            scale / 2 * regularized.Sum(other => (own - other) * (own - other))))];
    }
}
