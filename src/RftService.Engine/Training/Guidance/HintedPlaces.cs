using System.Text.Json;
using RftService.Engine.Algorithms;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Engine.Training.Guidance;

/// <summary>
/// Samples a prompt whose group failed once more, with the row's `hint` after it, and adds those completions to the group. Their behavior
/// policy is the policy that saw the hint; they are trained on the prompt without it.
/// </summary>
internal sealed class HintedPlaces(HintGuidance guidance, RunSpec spec, PromptEncoder encoder, Sampler sampler) : IGuidance
{
    /// <summary>Field of a row.</summary>
    private const string Field = "hint";

    public IReadOnlyList<RolloutGroup> Apply(IReadOnlyList<RolloutGroup> groups, int step, MetricSums metrics, CancellationToken cancellation)
    {
        var failed = groups.Where(group => IGuidance.Failed(group, guidance.PassAbove)).ToArray();
        metrics.Add(MetricNames.GuidanceFailedShare, failed.Length, groups.Count);
        if (failed.Length == 0)
        {
            return groups;
        }

        var sampled = sampler.Sample(
            [.. failed.Select(group => encoder.Prompt(Hinted(group.Row)).Tokens)],
            guidance.Completions ?? spec.Recipe.GroupSize,
            spec.Recipe.Sampling,
            SeedMix.Of(spec.Recipe.Seed, SeedPurpose.HintedSampling, step),
            cancellation);
        IReadOnlyList<RolloutGroup> hinted = [.. failed.Select((group, i) => group with
        {
            Rollouts = [.. sampled[i].Select(rollout => rollout with { Origin = RolloutOrigin.Hinted })],
        })];
        var mixed = new GradedHelp(spec.Grader!, encoder).Join(groups, hinted, (own, help) => own.Rollouts.Concat(help.Rollouts), step, cancellation);
        var helped = mixed.Count(group => group.Rollouts.Any(rollout => rollout.Origin == RolloutOrigin.Hinted && rollout.Grade?.Value > guidance.PassAbove));
        metrics.Add(MetricNames.GuidanceHelpedShare, helped, failed.Length);
        return mixed;
    }

    private Row Hinted(Row row)
    {
        var hint = row.Item.ValueKind == JsonValueKind.Object && row.Item.TryGetProperty(Field, out var text) && text.ValueKind == JsonValueKind.String
            ? guidance.Lead + text.GetString()
            : throw PromptEncoder.Unusable(row, "it has no hint", "Give every row a text 'hint', or take a rule that needs none.");
        return row.Messages is { } messages
            ? row with { Messages = [.. messages.SkipLast(1), messages[^1] with { Content = messages[^1].Content + hint }] }
            : row with { Prompt = row.Prompt + hint };
    }
}
