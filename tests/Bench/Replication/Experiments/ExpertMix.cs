using RftService.Engine.Algorithms;
using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Data;

namespace RftService.Bench.Replication.Experiments;

/// <summary>Expert rows beside rollouts (arXiv:2508.11408), by experts that write as the base model does and by others.</summary>
internal static class ExpertMix
{
    private const string Sizes =
        "8 prompts with 8 completions and 16 worked solutions of other problems a step, 60 steps. Pure RL is GRPO without the expert rows. ";

    public static Experiment Own { get; } = Make(
        "chord", "CHORD: expert rows beside the rollouts", Sizes
        + "The solutions are in the base model's own format, which it uses in some half of its answers: there is no shift to recover from.", "chord", foreign: false);

    public static Experiment Foreign { get; } = Make(
        "chord-foreign", "CHORD: experts of another style", Sizes
        + "The experts write in words what the base model writes in signs: the shift of style that the paper is about.", "chord-foreign", foreign: true);

    private static Experiment Make(string name, string title, string setup, string prefix, bool foreign)
    {
        Arm Mixed(string arm, ChordOptions algorithm) =>
            new($"{prefix}-{arm}", Recipes.Online(algorithm), DataKind.Prompts, WithExperts: true) { ForeignExperts = foreign };

        return new(
            name,
            title,
            setup,
            [
                OffPolicy.OnPolicy,
                Mixed("phi", new ChordOptions { ExpertRowsPerStep = 16 }),
                Mixed("mu", new ChordOptions
                {
                    ExpertRowsPerStep = 16,
                    TokenWeight = ChordTokenWeight.One,
                    Mu = new WarmupCosineSchedule { Peak = 0.9, Valley = 0.05, WarmupSteps = 0, DecaySteps = 30 },
                }),
                Mixed("fixed-mu", new ChordOptions { ExpertRowsPerStep = 16, TokenWeight = ChordTokenWeight.One, Mu = new ConstantSchedule { Value = 0.5 } }),
            ],
            [
                Claim.Below("CHORD-phi is stable: it dips by less than 0.05 below the start", $"{prefix}-phi", Score.Dip, 0.05),
                Claim.NotLower("CHORD-phi is not below pure RL", $"{prefix}-phi", "grpo", Score.Final, 0.03),
                Claim.Above("CHORD-mu dips below the start", $"{prefix}-mu", Score.Dip, 0.02),
                Claim.Above("CHORD-mu recovers: it ends above the start", $"{prefix}-mu", Score.Gain, 0),
                Claim.Higher("CHORD-phi beats a fixed mu of 0.5 without phi", $"{prefix}-phi", $"{prefix}-fixed-mu", Score.Final),
                Claim.Higher("pure RL beats a fixed mu of 0.5 without phi", "grpo", $"{prefix}-fixed-mu", Score.Final),
            ],
            [Curve.Accuracy, Curve.Entropy, new("completion/tokens_mean", "length of the completions, tokens")]);
    }
}
