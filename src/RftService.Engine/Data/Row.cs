using System.Text.Json;

namespace RftService.Engine.Data;

/// <summary>One dataset entry.</summary>
public sealed record Row
{
    /// <summary>Position in the dataset, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The whole JSON object of the row: `item` in reward templates.</summary>
    public required JsonElement Item { get; init; }

    /// <summary>The prompt as plain text; null when <see cref="Messages"/> is given.</summary>
    public string? Prompt { get; init; }

    /// <summary>The prompt as a conversation, rendered by the model's chat template.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>Tools that the conversation may use, as its chat template is given them: a list; null: none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Expert or logged completion; null in a dataset of prompts.</summary>
    public string? Completion { get; init; }

    /// <summary>The better completion of a pair; null in datasets of other kinds.</summary>
    public string? Chosen { get; init; }

    /// <summary>The worse completion of a pair; null in datasets of other kinds.</summary>
    public string? Rejected { get; init; }

    /// <summary>Weight of a pair in the loss; null when none is given.</summary>
    public double? Weight { get; init; }

    /// <summary>Reward of a logged completion.</summary>
    public double? Reward { get; init; }

    /// <summary>Behavior log-probs of the logged completion's tokens, [T]; null when not logged.</summary>
    public IReadOnlyList<float>? LogProbs { get; init; }
}

/// <summary>Rows by position; reading the same position twice gives the same row.</summary>
public interface IRowSource
{
    /// <summary>How many rows there are; at least 1.</summary>
    int Count { get; }

    /// <summary>Reads one row.</summary>
    Row this[int index] { get; }
}
