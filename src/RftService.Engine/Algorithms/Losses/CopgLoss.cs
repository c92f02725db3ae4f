using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>
/// Contrastive policy gradient (arXiv:2406.19185): 1/(K − 1) Σ_{i&lt;j} (R_i − R_j)² over the K completions of a prompt, with
/// R = r − β log(πθ/π_ref). Needs no importance ratio, so any scored completions will do. With two completions it is IPO.
/// </summary>
public sealed record CopgLoss : GroupLossSpec
{
    /// <summary>β.</summary>
    [Range(0.0001, 100.0)]
    public double Beta { get; init; } = 0.1;

    internal override bool NeedsReference => true;

    internal override IReadOnlyList<(double Slope, double Value)> Of(IReadOnlyList<SurveyedCompletion> group)
    {
        var regularized = group.Select(one => one.Reward - (Beta * LogRatioToReference(one))).ToArray();
        var others = Math.Max(1, group.Count - 1);
        return [.. regularized.Select(own => (
            -Beta * 2 / others * regularized.Sum(other => own - other),
            regularized.Sum(other => (own - other) * (own - other)) / 2 / others))];
    }
}
