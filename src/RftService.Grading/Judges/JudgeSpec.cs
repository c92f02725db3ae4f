using System.ComponentModel.DataAnnotations;

namespace RftService.Grading.Judges;

/// <summary>What every grader by a judging model is told.</summary>
public abstract record JudgeSpec : GraderSpec
{
    /// <summary>The model, as its endpoint names it.</summary>
    [StringLength(200, MinimumLength = 1)]
    public required string Model { get; init; }

    /// <summary>Name of the endpoint, as the operator set it (`Rft:Outbound:Judges`).</summary>
    [StringLength(100, MinimumLength = 1)]
    public string Endpoint { get; init; } = "default";

    /// <summary>The conversation that the judge sees, 1 to 32 messages with templates.</summary>
    [MinLength(1)]
    [MaxLength(32)]
    public required IReadOnlyList<JudgeMessage> Input { get; init; }

    /// <summary>How the judge samples.</summary>
    public JudgeSampling SamplingParams { get; init; } = new();

    /// <summary>Answers that are asked for; scores are averaged, labels go by majority. An odd number has no tie.</summary>
    [Range(1, 15)]
    public int Votes { get; init; } = 1;

    /// <summary>
    /// True: the judge writes down its steps before it decides, as OpenAI's graders do. False: only the decision, which is quicker and cheaper, and
    /// what a small model can do.
    /// </summary>
    public bool Explain { get; init; } = true;

    /// <summary>Seconds that one try may take.</summary>
    [Range(1, 600)]
    public int TimeoutSeconds { get; init; } = 60;

    /// <summary>Tries after the first, with growing pauses.</summary>
    [Range(0, 10)]
    public int Retries { get; init; } = 3;

    /// <summary>Tokens, prompts included, that this reward may spend in one run; past it every grade is an error. Absent: no limit.</summary>
    [Range(1, long.MaxValue)]
    public long? MaxTotalTokens { get; init; }

    /// <summary>Money that this reward may spend in one run, in the currency of the endpoint's prices; absent: no limit.</summary>
    [Range(0.0, 1e12)]
    public double? MaxCost { get; init; }

    /// <summary>Answers the same question from memory; the same completion is then judged once.</summary>
    public bool Cache { get; init; } = true;
}

/// <summary>A message to the judge.</summary>
public sealed record JudgeMessage
{
    /// <summary>system, developer, user or assistant.</summary>
    [RegularExpression("^(system|developer|user|assistant)$")]
    public required string Role { get; init; }

    /// <summary>Template of the text.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public required string Content { get; init; }
}

/// <summary>How a judge samples; what is absent is left to its endpoint.</summary>
public sealed record JudgeSampling
{
    /// <summary>Seed.</summary>
    public long? Seed { get; init; }

    /// <summary>Divides the logits.</summary>
    [Range(0.0, 2.0)]
    public double? Temperature { get; init; }

    /// <summary>Smallest set of tokens with this probability.</summary>
    [Range(0.0, 1.0)]
    public double? TopP { get; init; }

    /// <summary>Tokens of an answer at most.</summary>
    [Range(1, 1_000_000)]
    public int? MaxCompletionsTokens { get; init; }

    /// <summary>none, minimal, low, medium or high.</summary>
    [RegularExpression("^(none|minimal|low|medium|high|xhigh)$")]
    public string? ReasoningEffort { get; init; }
}
