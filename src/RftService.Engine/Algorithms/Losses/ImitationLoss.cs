using TorchSharp;

namespace RftService.Engine.Algorithms.Losses;

/// <summary>−log πθ of every token, whatever its advantage: imitates the data, bad completions included.</summary>
public sealed record ImitationLoss : LossSpec
{
    internal override torch.Tensor PerToken(PolicyBatch batch) => -batch.LogProbs;              // [B, T]
}
