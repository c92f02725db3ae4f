using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Rollouts;

/// <summary>How completions are sampled.</summary>
public sealed record SamplingSpec : IValidatableObject
{
    /// <summary>Divides the logits; 0 takes the most likely token. Behavior log-probs are those of the tempered distribution (at 0: of temperature 1).</summary>
    [Range(0.0, 10.0)]
    public double Temperature { get; init; } = 1.0;

    /// <summary>Keeps the smallest set of tokens whose probability reaches this; 1 keeps all.</summary>
    [Range(0.01, 1.0)]
    public double TopP { get; init; } = 1.0;

    /// <summary>Keeps this many most likely tokens; 0 keeps all.</summary>
    [Range(0, 1_000_000)]
    public int TopK { get; init; }

    /// <summary>Tokens after which a completion is cut.</summary>
    [Range(1, 131_072)]
    public int MaxTokens { get; init; } = 256;

    /// <summary>Texts that end a completion; the text itself is left out of the decoded completion.</summary>
    [MaxLength(8)]
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Stop.Any(stop => stop is not { Length: >= 1 and <= 200 }))
        {
            yield return new ValidationResult("expected texts of 1 to 200 characters", [nameof(Stop)]);
        }
    }
}
