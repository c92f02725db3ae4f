using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>
/// Group equivalent preference optimisation (OORL, arXiv:2505.12723): −log σ(mean r̂ of winners − mean r̂ of losers) + λ Var r̂ of winners,
/// with r̂ = β log(πθ/π_ref). Winners are the completions of a prompt whose reward is above its mean; where all are alike there is no loss.
/// How winners are told apart is our reading: the paper is given equivalent answers.
/// </summary>
public sealed record GepoLoss : GroupLossSpec
{
    /// <summary>β.</summary>
    [Range(0.0001, 100.0)]
    public double Beta { get; init; } = 0.1;

    /// <summary>λ, weight of the winners' variance.</summary>
    [Range(0.0, 100.0)]
    public double VarianceWeight { get; init; } = 1;

    internal override bool NeedsReference => true;

    internal override IReadOnlyList<(double Slope, double Value)> Of(IReadOnlyList<SurveyedCompletion> group)
    {
        var mean = group.Average(one => one.Reward);
        var implied = group.Select(one => Beta * LogRatioToReference(one)).ToArray();
        var wins = group.Select(one => one.Reward > mean).ToArray();
        var (winners, losers) = (implied.Where((_, i) => wins[i]).ToArray(), implied.Where((_, i) => !wins[i]).ToArray());
        if (winners.Length == 0 || losers.Length == 0)
        {
            return [.. group.Select(_ => (0.0, 0.0))];
        }

        var center = winners.Average();
        var variance = winners.Average(one => (one - center) * (one - center));
        var deficit = losers.Average() - center;
        var loss = Math.Max(0, deficit) + Math.Log(1 + Math.Exp(-Math.Abs(deficit))); // −log σ(−deficit), without overflow
        var doubt = 1 - Math.Exp(-loss); // 1 − σ(margin)
        return [.. implied.Select((own, i) => (
            wins[i]
                ? Beta * ((-doubt / winners.Length) + (VarianceWeight * 2 * (own - center) / winners.Length))
                : Beta * doubt / losers.Length,
            (loss + (VarianceWeight * variance)) / group.Count))];
    }
}
