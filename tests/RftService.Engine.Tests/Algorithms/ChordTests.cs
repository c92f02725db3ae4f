using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Training;
using RftService.Testing;
using TorchSharp;

namespace RftService.Engine.Tests.Algorithms;

public sealed class ChordTests
{
    private static readonly WarmupCosineSchedule Cosine = new() { DecaySteps = 200, Peak = 0.9, Valley = 0.05 };

    private static readonly ChordOptions Phi = new() { DualClip = 3 };

    internal static IReadOnlyList<(string Name, ChordOptions Options, int Step)> Golden { get; } =
    [
        ("chord_mu_step50", Phi with { Mu = Cosine, TokenWeight = ChordTokenWeight.One }, 50),
        ("chord_phi_mu0.1", Phi, 7),
        ("chord_is_mu0.1", Phi with { TokenWeight = ChordTokenWeight.Is }, 7),
    ];

    [SharedFact]
    public void Loss_GoldenCases_MatchInDouble() => AssertGolden(torch.ScalarType.Float64, 1e-10);

    [SharedFact]
    public void Loss_GoldenCases_MatchInFloat32() => AssertGolden(torch.ScalarType.Float32, 1e-5);

    [SharedFact]
    public void Loss_Phi_IsNotDifferentiated()
    {
        var wrong = GoldenLosses.Expected("chord_phi_NOT_detached_WRONG");

        var (loss, gradient) = Actual(Phi, 7, torch.ScalarType.Float64);

        Assert.Equal(wrong.Loss, loss, 1e-10);
        Assert.True(wrong.Gradient[12, 0] > 0 && gradient[12, 0] < 0); // p = 0.11: the wrong one pushes it down
        Assert.True(Math.Abs(wrong.Gradient[12, 3] - gradient[12, 3]) > 1e-4);
    }

    // p = 0.5 and 0.25; µ = 0.1, two tokens: a token's gradient is -0.05 times its weight.
    [Theory]
    [InlineData(ChordTokenWeight.One, 1, 1)]
    [InlineData(ChordTokenWeight.Is, 0.5, 0.25)]
    [InlineData(ChordTokenWeight.Phi, 0.25, 0.1875)]
    [InlineData(ChordTokenWeight.Focal, 0.25, 0.5625)]
    [InlineData(ChordTokenWeight.IsClip, 0, 0.25)]
    public void Loss_TokenWeights_AreThoseOfTheFormula(ChordTokenWeight weight, double likely, double unlikely)
    {
        using var scope = torch.NewDisposeScope();
        var leaf = torch.tensor(new[,] { { Math.Log(0.5), Math.Log(0.25) } }).requires_grad_();
        var zeros = torch.zeros_like(leaf).detach();
        var terms = new Chord(new ChordOptions { TokenWeight = weight })
            .Loss(new PolicyBatch(leaf, zeros, zeros, torch.ones_like(zeros)) { Source = RowSource.Experts });

        (terms.Single().PerToken.sum() * (terms.Single().Weight / 2)).backward();

        Assert.Equal([-0.05 * likely, -0.05 * unlikely], leaf.grad!.data<double>().ToArray(), new Close(1e-12));
    }

    [Fact]
    public void Loss_EntropyWeight_KeepsTheUnsurestTokensOfAllExpertRows()
    {
        using var scope = torch.NewDisposeScope();
        var chord = new Chord(new ChordOptions { TokenWeight = ChordTokenWeight.Entropy, EntropyShare = 0.5 });
        SurveyedCompletion Row(RowSource source, params double[] entropies) => new()
        {
            Source = source,
            Group = 0,
            Reward = 0,
            Advantages = [],
            LogProbs = [],
            BehaviorLogProbs = [],
            Entropies = entropies,
        };

        var survey = chord.Survey([Row(RowSource.Rollouts, 9, 9, 9), Row(RowSource.Experts, 0.1, 3), Row(RowSource.Experts, 2, 0.2)]);

        Assert.Equal([[0], [1.1], [1.1]], survey); // between the second and the third of the experts' four
        var entropies = torch.tensor(new[,] { { 0.1, 3 }, { 2, 0.2 } });
        var zeros = torch.zeros_like(entropies);
        var term = chord.Loss(new PolicyBatch(zeros - torch.ones_like(zeros), zeros, zeros, torch.ones_like(zeros), Survey: torch.tensor(new[,] { { 1.1 }, { 1.1 } }))
        {
            Source = RowSource.Experts,
            Entropy = entropies,
        }).Single();
        Assert.Equal([0, 1, 1, 0], term.PerToken.data<double>().ToArray());
    }

    [Fact]
    public void ExpertRows_MuIsZero_AreNotTaken()
    {
        var warmup = new Chord(new ChordOptions { Mu = new WarmupCosineSchedule { WarmupSteps = 2 } });
        var adaptive = new Chord(new ChordOptions { Mu = new RewardGapSchedule { Target = 0.5 } });

        Assert.Equal([0, 32], new[] { 0, 1 }.Select(step => warmup.ExpertRows(step, double.NaN)));
        Assert.Equal([32, 0, 0], new[] { 0.4, 0.5, double.NaN }.Select(reward => adaptive.ExpertRows(0, reward)));
    }

    private static void AssertGolden(torch.ScalarType dtype, double tolerance) => Assert.All(Golden, golden =>
    {
        var expected = GoldenLosses.Expected(golden.Name);

        var (loss, gradient) = Actual(golden.Options, golden.Step, dtype);

        Assert.Equal(expected.Loss, loss, tolerance);
        Assert.Equal(expected.Gradient.Cast<double>(), gradient.Cast<double>(), new Close(tolerance));
    });

    /// <summary>Rows 0 to 11 are the rollouts, 12 to 14 the expert's: two micro-batches of one step.</summary>
    private static (double Loss, double[,] Gradient) Actual(ChordOptions options, int step, torch.ScalarType dtype)
    {
        using var scope = torch.NewDisposeScope();
        var algorithm = new Chord(options);
        var credits = algorithm.AssignCredit(GoldenLosses.Rollouts()).Credits;
        var (mask, expertMask) = (GoldenLosses.Inputs("mask"), GoldenLosses.Inputs("expert_mask"));
        torch.Tensor Of(double[,] values) => torch.tensor(values, dtype);
        var (leaf, expertLeaf) = (Of(GoldenLosses.Inputs("logp")).requires_grad_(), Of(GoldenLosses.Inputs("expert_logp")).requires_grad_());
        var zeros = torch.zeros_like(expertLeaf).detach();
        var rollouts = new PolicyBatch(leaf, Of(GoldenLosses.Inputs("old_logp")), Of(GoldenLosses.Advantages(credits, mask)), Of(mask), Step: step);
        var expert = new PolicyBatch(expertLeaf, zeros, zeros, Of(expertMask), Step: step) { Source = RowSource.Experts };
        TrainingRow[] rows = [.. Rows(mask, isExpert: false), .. Rows(expertMask, isExpert: true)];
        var weights = new TokenWeights(rows, GoldenLosses.MaxTokens);

        var loss = Reduced(rollouts, rows.Where(row => row.Source == RowSource.Rollouts)) + Reduced(expert, rows.Where(row => row.Source == RowSource.Experts));
        loss.backward();

        var flat = torch.cat([leaf.grad!, expertLeaf.grad!]).to_type(torch.ScalarType.Float64).data<double>().ToArray();
        var gradient = new double[rows.Length, mask.GetLength(1)];
        Buffer.BlockCopy(flat, 0, gradient, 0, flat.Length * sizeof(double));
        return (loss.to_type(torch.ScalarType.Float64).item<double>(), gradient);

        torch.Tensor Reduced(PolicyBatch batch, IEnumerable<TrainingRow> of) => algorithm.Loss(batch)
            .Select(term => (term.PerToken * torch.tensor(of.Select(row => term.Weight * weights.Of(row, term.Reduction)).ToArray(), dtype).unsqueeze(1)).sum())
            .Aggregate((one, other) => one + other);
    }

    private static IEnumerable<TrainingRow> Rows(double[,] mask, bool isExpert) => Enumerable.Range(0, mask.GetLength(0)).Select(i =>
        new TrainingRow(i, [1], new int[Enumerable.Range(0, mask.GetLength(1)).Count(t => mask[i, t] > 0)], [], 0) { Source = isExpert ? RowSource.Experts : RowSource.Rollouts });

    private sealed class Close(double tolerance) : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) <= tolerance;

        public int GetHashCode(double number) => 0;
    }
}
