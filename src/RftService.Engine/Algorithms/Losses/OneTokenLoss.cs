using System.ComponentModel.DataAnnotations;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>
/// −A · mean over the drawn tokens of r · log πθ: r is 1 for the completion's own token and less for any other. Each position is an episode
/// of one token (OTR, arXiv:2509.26313). It needs `draws`.
/// </summary>
public sealed record OneTokenLoss : LossSpec
{
    /// <summary>Reward of a drawn token that is not the completion's, whose own is 1.</summary>
    [Range(-1.0, 1.0)]
    public double MissReward { get; init; } = -0.1;

    internal override bool NeedsDraws => true;

    internal override torch.Tensor PerToken(PolicyBatch batch)
    {
        var (logProbs, hits) = Drawn(batch);
        var rewards = hits.Plus(hits.OneMinus() * Constant.Of(MissReward));                     // [B, T, K]
        return -batch.Advantages * (rewards * logProbs).mean([2]);                              // [B, T]
    }

    internal override IEnumerable<AlgorithmMetric> Measure(PolicyBatch batch) => [batch.TokenMean("otr/hit_share", Drawn(batch).Hits.mean([2]))];

    private static (torch.Tensor LogProbs, torch.Tensor Hits) Drawn(PolicyBatch batch) => batch is { DrawnLogProbs: { } logProbs, DrawnHits: { } hits }
        ? (logProbs, hits)
        : throw new InvalidOperationException("This loss needs drawn tokens.");
}
