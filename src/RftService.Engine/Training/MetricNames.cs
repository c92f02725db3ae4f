namespace RftService.Engine.Training;

/// <summary>Names of the metrics of a step. A learning rule may add its own (`topr/…`, `ratio/…`).</summary>
public static class MetricNames
{
    /// <summary>Mean reward of the step's graded completions.</summary>
    public const string RewardMean = "reward/mean";

    /// <summary>Population standard deviation of the same rewards.</summary>
    public const string RewardStd = "reward/std";

    /// <summary>Share of completions whose grade was an error, 0 to 1.</summary>
    public const string RewardErrorShare = "reward/error_share";

    /// <summary>Prefix of the number of completions whose grade was an error, by its code.</summary>
    public const string RewardErrorPrefix = "reward_error/";

    /// <summary>Share of completions on which the grader abstained, 0 to 1.</summary>
    public const string RewardAbstainedShare = "reward/abstained_share";

    /// <summary>Share of groups whose rewards are all equal, 0 to 1.</summary>
    public const string RewardZeroVarianceShare = "reward/zero_variance_share";

    /// <summary>Prefix of the mean of each named part of a composed reward.</summary>
    public const string RewardPartPrefix = "reward_part/";

    /// <summary>The weighted sum of all loss terms.</summary>
    public const string PolicyLoss = "policy/loss";

    /// <summary>Prefix of each loss term before its weight.</summary>
    public const string LossPrefix = "loss/";

    /// <summary>Mean token entropy of the policy over the completions, nats.</summary>
    public const string PolicyEntropy = "policy/entropy";

    /// <summary>Mean of log μ − log πθ over tokens, nats; 0 when the policy is the behavior policy.</summary>
    public const string PolicyApproxKl = "policy/approx_kl";

    /// <summary>Mean of log πθ − log π_ref over tokens, nats; present when a reference is kept.</summary>
    public const string PolicyReferenceKl = "policy/reference_kl";

    /// <summary>Mean |log πθ − log μ| over tokens of completions sampled in this very step: sampler and trainer must agree, so about 0.</summary>
    public const string SamplerMismatch = "policy/sampler_mismatch";

    /// <summary>Optimizer updates made so far.</summary>
    public const string PolicyVersion = "policy/version";

    /// <summary>Mean token ratio πθ/μ.</summary>
    public const string RatioMean = "ratio/mean";

    /// <summary>Share of tokens with a ratio πθ/μ above 2, 0 to 1.</summary>
    public const string RatioHighTail = "ratio/above_2_share";

    /// <summary>Share of tokens with a ratio πθ/μ below 1/2, 0 to 1.</summary>
    public const string RatioLowTail = "ratio/below_half_share";

    /// <summary>Largest token ratio πθ/μ of the step.</summary>
    public const string RatioMax = "ratio/max";

    /// <summary>Global gradient norm before clipping.</summary>
    public const string GradientNorm = "optimizer/gradient_norm";

    /// <summary>Learning rate of the step.</summary>
    public const string LearningRate = "optimizer/learning_rate";

    /// <summary>Micro-batches of the step.</summary>
    public const string MicroBatches = "optimizer/micro_batches";

    /// <summary>Mean length of the step's completions, tokens.</summary>
    public const string CompletionTokensMean = "completion/tokens_mean";

    /// <summary>Longest completion of the step, tokens.</summary>
    public const string CompletionTokensMax = "completion/tokens_max";

    /// <summary>Share of completions cut at the token limit, 0 to 1.</summary>
    public const string CompletionTruncatedShare = "completion/truncated_share";

    /// <summary>Share of completions whose thinking was ended by the interruption's phrase, 0 to 1.</summary>
    public const string CompletionInterruptedShare = "completion/interrupted_share";

    /// <summary>Share of the step's groups that took part in the loss, 0 to 1.</summary>
    public const string GroupsUsedShare = "data/groups_used_share";

    /// <summary>Share of the step's graded completions that took part in the loss, 0 to 1.</summary>
    public const string CompletionsUsedShare = "data/completions_used_share";

    /// <summary>Times that prompts were sampled in the step: 1, and once more for each refill.</summary>
    public const string SamplingRounds = "data/sampling_rounds";

    /// <summary>Mean over tokens of the steps between the policy that drew them and the one that is trained on them; present where sampling may lag.</summary>
    public const string Staleness = "rollouts/staleness";

    /// <summary>Largest of the same.</summary>
    public const string StalenessMax = "rollouts/staleness_max";

    /// <summary>Share of positive advantages in Σ|A| over completions, 0 to 1.</summary>
    public const string AdvantagePositiveShare = "advantage/positive_share";

    /// <summary>Mean |A| over completions.</summary>
    public const string AdvantageMagnitude = "advantage/magnitude_mean";

    /// <summary>
    /// Share of pairs whose chosen completion has the larger implicit reward under the policy as it was before the update, 0 to 1. Before the
    /// first update the policy is the base model: all implicit rewards are 0, no pair counts as right.
    /// </summary>
    public const string PreferenceAccuracy = "preference/accuracy";

    /// <summary>Mean over pairs of the implicit reward of the chosen less that of the rejected.</summary>
    public const string PreferenceMargin = "preference/margin";

    /// <summary>Mean implicit reward of the chosen completions; below 0 the policy finds even them less likely than the base model does.</summary>
    public const string PreferenceChosenReward = "preference/chosen_reward";

    /// <summary>Mean implicit reward of the rejected completions.</summary>
    public const string PreferenceRejectedReward = "preference/rejected_reward";

    /// <summary>Passes over the data begun, as a fraction.</summary>
    public const string Epochs = "data/epochs";

    /// <summary>Completions of earlier steps that the step learns from again.</summary>
    public const string ReplayRows = "replay/rows";

    /// <summary>Completions kept for later steps.</summary>
    public const string ReplayKept = "replay/kept";

    /// <summary>Share of the step's updates that learn from an earlier step, 0 to 1.</summary>
    public const string ReplayShare = "replay/share";

    /// <summary>Mean number of steps since what is replayed was sampled.</summary>
    public const string ReplayAge = "replay/age_mean";

    /// <summary>Share of the step's groups in which no completion of the policy passed, 0 to 1; present where a rule helps.</summary>
    public const string GuidanceFailedShare = "guidance/failed_share";

    /// <summary>
    /// Of the failed groups (with the truth in the group: of all) the share that was helped, 0 to 1: an expert took part, or a completion with a
    /// hint passed.
    /// </summary>
    public const string GuidanceHelpedShare = "guidance/helped_share";

    /// <summary>Share of the prompts that are solved and not sampled again, 0 to 1.</summary>
    public const string RetiredShare = "data/retired_share";

    /// <summary>Passes over the expert rows beside the rollouts begun, as a fraction.</summary>
    public const string ExpertEpochs = "expert/epochs";

    /// <summary>Mean length of the step's expert completions, tokens: completions drift towards it.</summary>
    public const string ExpertTokensMean = "expert/tokens_mean";

    /// <summary>Seconds spent sampling.</summary>
    public const string SamplingSeconds = "time/sampling_s";

    /// <summary>Seconds that the step waited for completions which are sampled beside training; present where they are.</summary>
    public const string SamplingWaitSeconds = "time/sampling_wait_s";

    /// <summary>Seconds spent grading.</summary>
    public const string GradingSeconds = "time/grading_s";

    /// <summary>Seconds spent in forward, backward and optimizer.</summary>
    public const string TrainingSeconds = "time/training_s";

    /// <summary>Seconds of an evaluation made after the step.</summary>
    public const string EvaluationSeconds = "time/evaluation_s";

    /// <summary>Seconds of the step without evaluation and checkpoint.</summary>
    public const string StepSeconds = "time/step_s";

    /// <summary>Tokens trained on since the start of the run, prompts included.</summary>
    public const string TokensTrained = "tokens/trained";

    /// <summary>Tokens sampled since the start of the run, evaluations left out.</summary>
    public const string TokensSampled = "tokens/sampled";

    /// <summary>Tokens trained on per second of <see cref="TrainingSeconds"/>.</summary>
    public const string TrainingThroughput = "throughput/training_tokens_per_s";

    /// <summary>Tokens sampled per second of <see cref="SamplingSeconds"/>.</summary>
    public const string SamplingThroughput = "throughput/sampling_tokens_per_s";

    /// <summary>Mean reward on the evaluation rows.</summary>
    public const string EvaluationRewardMean = "evaluation/reward_mean";

    /// <summary>Mean over rows of the share of completions that pass, 0 to 1.</summary>
    public const string EvaluationPassAt1 = "evaluation/pass_at_1";

    /// <summary>Share of rows of which at least one of the `samples` completions passes, 0 to 1.</summary>
    public const string EvaluationPassAtK = "evaluation/pass_at_k";

    /// <summary>Prefix of the mean of each named part of a composed reward, graders that only watch among them, on the evaluation rows.</summary>
    public const string EvaluationPartPrefix = "evaluation_part/";

    /// <summary>Mean reward of the logged completions of the evaluation rows: the value of the policy that wrote them.</summary>
    public const string LoggedReward = "evaluation/logged_reward";

    /// <summary>The policy's value estimated from logged completions by importance sampling.</summary>
    public const string ValueByImportance = "evaluation/value_importance_sampling";

    /// <summary>The same, self-normalized.</summary>
    public const string ValueSelfNormalized = "evaluation/value_self_normalized";

    /// <summary>The same, doubly robust.</summary>
    public const string ValueDoublyRobust = "evaluation/value_doubly_robust";

    /// <summary>Share of the logged completions that count in the estimates, 0 to 1; near 0 they say nothing.</summary>
    public const string ValueEffectiveShare = "evaluation/value_effective_share";

    /// <summary>Share of evaluation completions whose grade was an error, 0 to 1.</summary>
    public const string EvaluationErrorShare = "evaluation/error_share";

    /// <summary>Mean length of evaluation completions, tokens.</summary>
    public const string EvaluationTokensMean = "evaluation/tokens_mean";

    /// <summary>Share of evaluation completions cut at the token limit, 0 to 1.</summary>
    public const string EvaluationTruncatedShare = "evaluation/truncated_share";

    /// <summary>Prefix of a rule's own metrics on held-out pairs, as `evaluation/preference_accuracy`.</summary>
    public const string EvaluationPrefix = "evaluation/";

    /// <summary>Mean −log πθ of the expert completions of the evaluation rows, nats a token; of pairs, the rule's loss on them.</summary>
    public const string EvaluationLoss = "evaluation/loss";
}
