using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Similarity;
using RftService.Grading.Templates;

namespace RftService.Grading.Graders;

/// <summary>
/// Punishes repetition: -`penalty` x the share of runs of `n` words that occurred before. That is open-r1's repetition penalty (after
/// Yeo et al. 2025, arXiv:2502.03373), with `penalty` = -max_penalty. Fewer than `n` words are worth 0.
/// </summary>
public sealed record RepetitionPenaltySpec : GraderSpec
{
    /// <summary>Template of the text that is judged.</summary>
    [StringLength(SpecLimits.Template, MinimumLength = 1)]
    public string Input { get; init; } = "{{ sample.output_text }}";

    /// <summary>Words in a run, 1 to 5; words stand between white space and are compared in lower case.</summary>
    [Range(1, 5)]
    public int N { get; init; } = 3;

    /// <summary>The grade of pure repetition is minus this.</summary>
    [Range(0.0, 1000.0)]
    public double Penalty { get; init; } = 1;
}

/// <summary>Counts repeated runs of words.</summary>
internal sealed class RepetitionPenaltyGrader(RepetitionPenaltySpec spec, Template input) : IGrader<RepetitionPenaltyGrader, RepetitionPenaltySpec>
{
    public static string TypeName => "repetition_penalty";

    public static string Summary => "Punishes repeated runs of words, from 0 down to minus the penalty.";

    public static RepetitionPenaltyGrader Create(RepetitionPenaltySpec spec) => new(spec, Template.ParseOption(spec.Input, "/input"));

    public RowFault? Reject(JsonElement item) => input.Reject(item);

    public Grade Score(GradingInput given)
    {
        if (!input.TryRender(given.Item, given.OutputText, out var text, out var missing))
        {
            return Grade.Missing(missing);
        }

        var words = new TokenIds().Of(TokenIds.Words(text.ToLowerInvariant()));
        var runs = words.Length - spec.N + 1;
        return runs < 1 ? Grade.Of(0, "too_short") : Grade.Of(spec.Penalty * (((double)NGrams.Count(words, spec.N).Count / runs) - 1));
    }
}
