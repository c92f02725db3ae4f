using RftService.Engine.Models;
using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>Log-probs of completions under a model, and the way back from their gradient into the weights.</summary>
/// <param name="model">The model.</param>
/// <param name="temperature">Divides the logits.</param>
/// <param name="recompute">Whether a pass with a gradient keeps only the input of each layer.</param>
internal sealed class PolicyForward(ICausalLm model, double temperature, bool recompute = false)
{
    /// <summary>Log-probs without a gradient, [B, T]; 0 where there is no token.</summary>
    public Tensor LogProbs(MicroBatch batch) => Look(batch, head => head.LogProbs);

    /// <summary>Entropy at each token, in nats, [B, T]; 0 where there is no token.</summary>
    public Tensor Entropies(MicroBatch batch) => Look(batch, head => head.Entropy);

    /// <summary>Log-probs of each row by itself, micro-batch after micro-batch.</summary>
    public static IReadOnlyList<float[]> Each(
        IReadOnlyList<IReadOnlyList<TrainingRow>> batches, Func<MicroBatch, Tensor> logProbs, Device device, CancellationToken cancellation)
    {
        var found = new List<float[]>();
        foreach (var batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var values = logProbs(MicroBatch.Of(batch, device)).cpu();                                              // [B, T]
            found.AddRange(batch.Select((row, b) => values[b].narrow(0, 0, row.Completion.Count).data<float>().ToArray()));
        }

        return found;
    }

    /// <summary>Log-probs of rows in any order, in their order.</summary>
    public static IReadOnlyList<float[]> Each(
        IReadOnlyList<TrainingRow> rows, int tokenBudget, Func<MicroBatch, Tensor> logProbs, Device device, CancellationToken cancellation)
    {
        var batches = Packer.Pack(rows, tokenBudget);
        var values = Each(batches, logProbs, device, cancellation);
        var found = new Dictionary<TrainingRow, float[]>(ReferenceEqualityComparer.Instance);
        foreach (var (i, row) in batches.SelectMany(batch => batch).Index())
        {
            found[row] = values[i];
        }

        return [.. rows.Select(row => found[row])];
    }

    /// <summary>Forward, the caller's loss, backward: gradients are added to those of the parameters.</summary>
    /// <param name="batch">The completions.</param>
    /// <param name="dropoutSeed">Of this pass, for adapters with dropout.</param>
    /// <param name="loss">Gives the scalar loss from a leaf of log-probs [B, T] and the entropy of each position [B, T].</param>
    public void Backward(MicroBatch batch, ulong dropoutSeed, Func<Tensor, Tensor, Tensor> loss) =>
        Backward(batch, dropoutSeed, draws: null, (logProbs, entropy, _) => loss(logProbs, entropy));

    /// <summary>The same, with tokens drawn at each position, which the loss may depend on as well.</summary>
    public void Backward(MicroBatch batch, ulong dropoutSeed, TokenDraws? draws, Func<Tensor, Tensor, DrawnTokens?, Tensor> loss)
    {
        model.DropoutSeed = dropoutSeed;
        try
        {
            Backward(batch, draws, loss);
        }
        finally
        {
            model.DropoutSeed = null; // sampling, evaluation and the reference drop nothing
        }
    }

    private Tensor Look(MicroBatch batch, Func<LmHead, Tensor> of)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var head = new LmHead(
            Selected(model.Hidden(batch.Tokens, batch.Padding), batch), model.HeadWeight, batch.Targets, temperature, keepSoftmax: false,
            softCap: model.Config.LogitSoftCap);
        return Spread(of(head), batch).MoveToOuterDisposeScope();
    }

    private void Backward(MicroBatch batch, TokenDraws? draws, Func<Tensor, Tensor, DrawnTokens?, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        using var pass = model.Train(batch.Tokens, batch.Padding, recompute);
        var hidden = Selected(pass.Hidden, batch);                                                                  // [N, D]
        using var head = new LmHead(
            hidden, model.HeadWeight, batch.Targets, temperature, keepSoftmax: true, softCap: model.Config.LogitSoftCap, draws: draws);
        var leaf = Spread(head.LogProbs, batch).requires_grad_();                                                   // [B, T]
        var drawn = draws is null ? null : new DrawnTokens(
            SpreadAll(head.DrawnLogProbs!, batch).requires_grad_(),
            SpreadAll(head.Drawn!.eq(batch.Targets.unsqueeze(1)).to_type(ScalarType.Float32), batch));              // [B, T, K]

        loss(leaf, Spread(head.Entropy, batch), drawn).backward();

        // A rule that learns from drawn tokens need not look at the completion's own.
        var gradient = (leaf.grad ?? zeros_like(leaf)).view(-1).index_select(0, batch.Slots);                       // [N]
        var drawnGradient = drawn?.LogProbs.grad?.flatten(0, 1).index_select(0, batch.Slots);                       // [N, K]
        var toHidden = head.Backward(gradient, model.HeadWeight, drawnGradient);                                    // [N, D]
        var all = zeros_like(pass.Hidden);                                                                          // [B, S, D]
        all.flatten(0, 1).index_add_(0, batch.Sources, toHidden.to_type(hidden.dtype), Constant.Of(1));
        pass.Backward(all);
    }

    /// <summary>Only the positions that predict a completion token go through the head, [N, D].</summary>
    private static Tensor Selected(Tensor hidden, MicroBatch batch) => hidden.flatten(0, 1).index_select(0, batch.Sources);

    private static Tensor Spread(Tensor values, MicroBatch batch) =>
        zeros(batch.Mask.numel(), values.dtype, values.device).scatter_(0, batch.Slots, values).view_as(batch.Mask); // [B, T]

    private static Tensor SpreadAll(Tensor values, MicroBatch batch) =>
        zeros([batch.Mask.numel(), values.shape[1]], values.dtype, values.device).index_copy_(0, batch.Slots, values)
            .view(batch.Mask.shape[0], batch.Mask.shape[1], values.shape[1]);                                       // [B, T, K]
}
