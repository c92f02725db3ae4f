using RftService.Engine.Rollouts;

namespace RftService.Engine.Algorithms;

/// <summary>The graded completions of a step, as credit assignment sees them.</summary>
/// <param name="Completions">In order of their groups; all of them have a grade and at least one token.</param>
/// <param name="MaxTokens">Longest completion that sampling allows.</param>
/// <param name="Seed">Of what is drawn at random in this step.</param>
public sealed record StepRollouts(IReadOnlyList<GradedCompletion> Completions, int MaxTokens, ulong Seed);

/// <summary>One graded completion.</summary>
public sealed record GradedCompletion
{
    /// <summary>Its place in the step.</summary>
    public required int Index { get; init; }

    /// <summary>Number of its prompt within the step.</summary>
    public required int Group { get; init; }

    /// <summary>What the grader said of the whole, graded steps included.</summary>
    public required double Grade { get; init; }

    /// <summary>The reward made of the grade; it belongs to the last token.</summary>
    public required double Reward { get; init; }

    /// <summary>Sampled tokens of the completion, T: what was put in by an interruption is not seen by rules.</summary>
    public required int Length { get; init; }

    /// <summary>True when it was cut at the token limit.</summary>
    public bool Truncated { get; init; }

    /// <summary>Rewards of the tokens beside <see cref="Reward"/>, [T]; null: none.</summary>
    public IReadOnlyList<double>? TokenRewards { get; init; }

    /// <summary>Steps that a judge scored by themselves; what they contribute to the grade is in <see cref="TokenRewards"/> already.</summary>
    public IReadOnlyList<TokenStep> Steps { get; init; } = [];

    /// <summary>log μ of the tokens, [T]; empty when not known.</summary>
    public IReadOnlyList<float> BehaviorLogProbs { get; init; } = [];

    /// <summary>log π_ref of the tokens, [T]; null unless the rule asks for it.</summary>
    public IReadOnlyList<float>? ReferenceLogProbs { get; init; }

    /// <summary>All rewards of the completion together.</summary>
    public double Return => Reward + (TokenRewards?.Sum() ?? 0);
}

/// <summary>The advantage of one completion that takes part in the loss.</summary>
/// <param name="Completion">Whose it is.</param>
/// <param name="Advantage">Its advantage; the mean where each token has its own.</param>
/// <param name="TokenAdvantages">One a token, [T]; null: all tokens have <paramref name="Advantage"/>.</param>
public sealed record Credit(GradedCompletion Completion, double Advantage, IReadOnlyList<double>? TokenAdvantages = null);

/// <summary>Outcome of credit assignment.</summary>
/// <param name="Credits">What takes part in the loss, and in its divisors.</param>
public sealed record CreditReport(IReadOnlyList<Credit> Credits)
{
    /// <summary>What the rule wants to be seen of the step.</summary>
    public IReadOnlyList<AlgorithmMetric> Metrics { get; init; } = [];

    /// <summary>Warnings; each code is reported once.</summary>
    public IReadOnlyList<RuleNotice> Notices { get; init; } = [];

    /// <summary>The same, with a warning when a rule that needs graded steps was given none.</summary>
    internal CreditReport WarnWithoutSteps(StepRollouts step) => step.Completions.Count == 0 || step.Completions.Any(one => one.Steps.Count > 0)
        ? this
        : this with
        {
            Notices = [.. Notices, new RuleNotice("no_graded_steps",
                "No completion has graded steps, so all tokens of a completion are credited alike: add a step_model grader to the reward.")],
        };
}

/// <summary>A warning of a learning rule.</summary>
/// <param name="Code">Stable snake_case name.</param>
/// <param name="Message">Plain words, with the remedy.</param>
public sealed record RuleNotice(string Code, string Message);

/// <summary>One completion of a step under the policy as it is before the update.</summary>
public sealed record SurveyedCompletion
{
    /// <summary>Where it comes from.</summary>
    public RowSource Source { get; init; }

    /// <summary>Number of its prompt within the step.</summary>
    public required int Group { get; init; }

    /// <summary>Its reward, token rewards included.</summary>
    public required double Reward { get; init; }

    /// <summary>Weight that its row gives, 1 where it gives none.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>One a token, [T].</summary>
    public required IReadOnlyList<double> Advantages { get; init; }

    /// <summary>log πθ, [T].</summary>
    public required IReadOnlyList<double> LogProbs { get; init; }

    /// <summary>Entropy of the policy at each token, in nats, [T]; empty unless the rule asks for it.</summary>
    public IReadOnlyList<double> Entropies { get; init; } = [];

    /// <summary>log μ, [T].</summary>
    public required IReadOnlyList<double> BehaviorLogProbs { get; init; }

    /// <summary>log π_ref, [T]; null unless the rule asks for it.</summary>
    public IReadOnlyList<double>? ReferenceLogProbs { get; init; }
}
