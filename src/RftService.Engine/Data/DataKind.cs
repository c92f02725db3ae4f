namespace RftService.Engine.Data;

/// <summary>What a dataset holds; it decides how a rule that accepts several kinds works.</summary>
public enum DataKind
{
    /// <summary>Prompts; completions are sampled from the policy and graded.</summary>
    Prompts,

    /// <summary>Prompts with an expert completion.</summary>
    Expert,

    /// <summary>Prompts with a logged completion, its reward and optional behavior log-probs; learned from offline.</summary>
    Rollouts,

    /// <summary>Prompts with a chosen and a rejected completion.</summary>
    Preferences,
}
