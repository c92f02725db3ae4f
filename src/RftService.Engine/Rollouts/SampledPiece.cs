namespace RftService.Engine.Rollouts;

/// <summary>New text of a completion that is being sampled.</summary>
/// <param name="Prompt">Index of the prompt.</param>
/// <param name="Sample">Index in the prompt's group.</param>
/// <param name="Text">Text that has become certain: never half a character, never the beginning of a stop text.</param>
public readonly record struct SampledPiece(int Prompt, int Sample, string Text);
