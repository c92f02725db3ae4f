using System.Text.Json;
using RftService.Engine.Algorithms;
using RftService.Engine.Training;
using RftService.Testing;
using TorchSharp;

namespace RftService.Engine.Tests.Algorithms;

/// <summary>The golden inputs, and a rule's loss and gradient on them.</summary>
internal static class GoldenLosses
{
    private static readonly Lazy<JsonElement> File = new(() =>
        JsonDocument.Parse(System.IO.File.ReadAllText(SharedFolder.Path("golden/losses.json"))).RootElement);

    /// <summary>Every case that the rules of the catalog can express.</summary>
    public static IReadOnlyList<GoldenCase> Cases { get; } =
    [
        new("topr_paper_seqsum_lengthnorm", new ToprOptions(), "reward01"),
        new("topr_paper_seqsum_tokensum", new ToprOptions { Reduction = LossReduction.CompletionSum }, "reward01"),
        new("topr_verl_seqgeo", new ToprOptions { RatioLevel = RatioLevel.SeqGeo }, "reward01"),
        new("topr_trinity_token", new ToprOptions { RatioLevel = RatioLevel.Token, Reduction = LossReduction.TokenMean }, "reward01"),
        new("topr_baseline_c-0.5", new ToprOptions { Baseline = -0.5 }, "reward01"),
        new("topr_baseline_c+0.5", new ToprOptions { Baseline = 0.5 }, "reward01"),
        new("reinforce_naive_offpolicy", new ToprOptions { NegativeTaper = new() { Lower = 1, Upper = 1 } }, "reward01"),

        // With c = -1 negatives weigh 0 and positives 2: the case up to that factor.
        new("positives_only", new ToprOptions { Baseline = -1 }, "reward01", Factor: 2),
        new("tis_0_1", new ToprOptions { PositiveTaper = new() { Lower = 0, Upper = 1 } }, "reward01"),
        new("full_is", new ToprOptions { PositiveTaper = new() { Lower = 0 }, NegativeTaper = new() { Lower = 0 } }, "reward_pm1", AsIs: true),
        new("ppo_clip_token_mean", new GrpoOptions { Reduction = LossReduction.TokenMean }, "grpo_ddof1_eps1e-6"),
        new("ppo_dualclip_c3_token_mean", new GrpoOptions { Reduction = LossReduction.TokenMean, DualClip = 3 }, "grpo_ddof1_eps1e-6"),
        new("grpo_paper_k3_beta0.04", new GrpoOptions { KlBeta = 0.04 }, "grpo_ddof1_eps1e-6"),
        new("dr_grpo_L6", new GrpoOptions { NormalizeStd = false, Reduction = LossReduction.FixedLength }, "dr_grpo_center_only"),
        new("dapo_unfiltered", new GrpoOptions { ClipHigh = 0.28, Reduction = LossReduction.TokenMean }, "grpo_ddof1_eps1e-6"),
        new("dapo_filtered", new GrpoOptions { ClipHigh = 0.28, Reduction = LossReduction.TokenMean }, "grpo_ddof1_eps1e-6", Rows: 8),
    ];

    public static JsonElement Input(string name) => File.Value.GetProperty("inputs").GetProperty(name);

    public static double[] Advantages(string name) =>
        [.. File.Value.GetProperty("advantages").GetProperty(name).EnumerateArray().Select(value => value.GetDouble())];

    public static (double Loss, double[,] Gradient) Expected(string name)
    {
        var golden = File.Value.GetProperty("losses").EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name);
        return (golden.GetProperty("loss").GetDouble(), Matrix(golden.GetProperty("grad")));
    }

    /// <summary>The rule's loss and gradient on the golden rows, reduced as the trainer reduces them.</summary>
    public static (double Loss, double[,] Gradient) Actual(GoldenCase golden, torch.ScalarType dtype)
    {
        var algorithm = AlgorithmCatalog.Create(golden.Options);
        var mask = Matrix(Input("mask"));
        var rows = golden.Rows ?? mask.GetLength(0);
        using var scope = torch.NewDisposeScope();
        torch.Tensor Of(string name) => torch.tensor(Matrix(Input(name)), dtype).narrow(0, 0, rows);
        var logProbs = Of("logp").detach().requires_grad_();
        var batch = new PolicyBatch(
            logProbs, Of("old_logp"), torch.tensor(Credit(golden, algorithm), dtype).narrow(0, 0, rows), Of("mask"), Of("ref_logp"));

        var loss = Reduce(algorithm.Loss(batch), mask, rows);
        loss.backward();

        var flat = logProbs.grad!.to_type(torch.ScalarType.Float64).data<double>().ToArray();
        var gradient = new double[mask.GetLength(0), mask.GetLength(1)];
        Buffer.BlockCopy(flat, 0, gradient, 0, flat.Length * sizeof(double));
        return (loss.to_type(torch.ScalarType.Float64).item<double>(), gradient);
    }

    public static double[,] Matrix(JsonElement rows)
    {
        var matrix = new double[rows.GetArrayLength(), rows[0].GetArrayLength()];
        for (var i = 0; i < matrix.GetLength(0); i++)
        {
            for (var j = 0; j < matrix.GetLength(1); j++)
            {
                matrix[i, j] = rows[i][j].GetDouble();
            }
        }

        return matrix;
    }

    /// <summary>TOPR makes its advantages itself (they are exact in float32); GRPO's own float32 ones are tested apart.</summary>
    private static double[] Credit(GoldenCase golden, IAlgorithm algorithm)
    {
        if (golden.Options is not ToprOptions topr)
        {
            return Advantages(golden.Source);
        }

        var rewards = Input(golden.Source).EnumerateArray().Select(value => value.GetSingle()).ToArray();
        var advantages = new float[rewards.Length];
        (golden.AsIs ? AlgorithmCatalog.Create(topr with { RewardScale = RewardScale.AsIs }) : algorithm).AssignCredit(rewards, advantages);
        return [.. advantages.Select(value => (double)value)];
    }

    private static torch.Tensor Reduce(IReadOnlyList<LossTerm> terms, double[,] mask, int rows)
    {
        var groups = Input("groups");
        var trained = Enumerable.Range(0, rows)
            .Select(i => new TrainingRow(
                groups[i].GetInt32(), [1], new int[(int)Enumerable.Range(0, mask.GetLength(1)).Sum(t => mask[i, t])], [], 0))
            .ToArray();
        var weights = new TokenWeights(trained, maxLength: 6);
        var total = torch.zeros([], terms[0].PerToken.dtype);
        foreach (var term in terms)
        {
            var weight = trained.Select(row => term.Weight * weights.Of(row, term.Reduction)).ToArray();
            total = total + (term.PerToken * torch.tensor(weight, term.PerToken.dtype).unsqueeze(1)).sum();
        }

        return total;
    }
}

/// <param name="Name">Of the golden loss.</param>
/// <param name="Options">The rule that must give it.</param>
/// <param name="Source">Rewards (TOPR) or advantages (GRPO).</param>
/// <param name="Factor">The rule gives this multiple of the golden case.</param>
/// <param name="AsIs">The rewards are signed already.</param>
/// <param name="Rows">Only the first so many rows take part.</param>
internal sealed record GoldenCase(string Name, AlgorithmOptions Options, string Source, double Factor = 1, bool AsIs = false, int? Rows = null);
