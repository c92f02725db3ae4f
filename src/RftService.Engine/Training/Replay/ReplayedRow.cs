using RftService.Engine.Algorithms;

namespace RftService.Engine.Training.Replay;

/// <summary>A completion of an earlier step: what a checkpoint holds to learn from it again.</summary>
/// <param name="Step">That sampled it.</param>
/// <param name="Group">Number of its prompt within that step.</param>
/// <param name="Prompt">Prompt tokens, [P].</param>
/// <param name="Completion">Completion tokens, [T].</param>
/// <param name="BehaviorLogProbs">log μ of the completion, [T].</param>
/// <param name="Reward">Reward before credit assignment.</param>
/// <param name="Advantage">Reward after it.</param>
public sealed record ReplayedRow(
    int Step,
    int Group,
    IReadOnlyList<int> Prompt,
    IReadOnlyList<int> Completion,
    IReadOnlyList<float> BehaviorLogProbs,
    double Reward,
    float Advantage)
{
    /// <summary>Advantage of each token, [T]; null: all have <see cref="Advantage"/>.</summary>
    public IReadOnlyList<float>? TokenAdvantages { get; init; }

    /// <summary>False on tokens that are not learned from, [T]; null: all were sampled.</summary>
    public IReadOnlyList<bool>? Sampled { get; init; }

    /// <summary>
    /// The same with another advantage. Where the tokens have advantages of their own, as after graded steps, the differences between them stay:
    /// they compare the tokens of one completion, which no baseline changes.
    /// </summary>
    internal ReplayedRow Rebased(float advantage) => this with
    {
        Advantage = advantage,
        TokenAdvantages = TokenAdvantages is null
            ? null
            : [.. TokenAdvantages.Select((own, t) => Sampled?[t] ?? true ? own - Advantage + advantage : 0)],
    };

    /// <summary>What does not fit together, in plain words; null: nothing.</summary>
    internal string? Fault() => Completion.Count == 0 ? "without tokens"
        : BehaviorLogProbs.Count != Completion.Count ? $"of {Completion.Count} tokens with {BehaviorLogProbs.Count} log-probs"
        : TokenAdvantages is { } own && own.Count != Completion.Count ? $"of {Completion.Count} tokens with {own.Count} advantages"
        : Sampled is { } sampled && sampled.Count != Completion.Count ? $"of {Completion.Count} tokens with {sampled.Count} marks"
        : null;

    internal static ReplayedRow Of(TrainingRow row, int step) =>
        new(step, row.Group, row.Prompt, row.Completion, row.BehaviorLogProbs!, row.Reward, row.Advantage) { TokenAdvantages = row.TokenAdvantages, Sampled = row.Sampled };

    internal TrainingRow ToTraining(int now, RowSource source) => new(Group, Prompt, Completion, BehaviorLogProbs, Advantage)
    {
        Reward = Reward,
        TokenAdvantages = TokenAdvantages,
        Sampled = Sampled,
        Source = source,
        Age = now - Step,
    };
}

/// <summary>What a checkpoint holds of replay.</summary>
/// <param name="Rows">Oldest first.</param>
/// <param name="GroupMeans">Mean rewards of the latest groups, oldest first.</param>
public sealed record ReplayState(IReadOnlyList<ReplayedRow> Rows, IReadOnlyList<double> GroupMeans)
{
    /// <summary>Nothing yet.</summary>
    public static ReplayState Empty { get; } = new([], []);
}
