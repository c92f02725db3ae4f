namespace RftService.Api.Datasets;

/// <summary>What the statistics need of a sound row.</summary>
/// <param name="PromptKey">Equal for equal prompts.</param>
/// <param name="PromptLength">Characters; of a conversation: of all contents together.</param>
/// <param name="CompletionLengths">Characters of each completion: none, one, or chosen and rejected.</param>
internal readonly record struct RowTexts(string PromptKey, int PromptLength, IReadOnlyList<int> CompletionLengths);
