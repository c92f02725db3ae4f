using RftService.Engine.Algorithms;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Training.Guidance;

/// <summary>Puts help into the graded groups of a step, before credit is assigned.</summary>
internal interface IGuidance
{
    /// <summary>The groups with what was put in, graded.</summary>
    IReadOnlyList<RolloutGroup> Apply(IReadOnlyList<RolloutGroup> groups, int step, MetricSums metrics, CancellationToken cancellation);

    /// <summary>The help that a rule asks for; null: none.</summary>
    static IGuidance? Of(GuidanceSpec? guidance, RunSpec spec, PromptEncoder encoder, Sampler sampler, PolicyForward policy, torch.Device device)
    {
        var logProbs = (IReadOnlyList<TrainingRow> rows, CancellationToken cancellation) =>
            PolicyForward.Each(rows, spec.Recipe.MicroBatchTokens, policy.LogProbs, device, cancellation);
        return guidance switch
        {
            TeacherGuidance teacher => new TeacherPlaces(teacher, spec, new TeacherPool(spec.ExpertRows!, encoder), encoder, logProbs),
            TruthGuidance truth => new TruthPlaces(truth, spec, new TeacherPool(spec.ExpertRows!, encoder), encoder, logProbs),
            HintGuidance hint => new HintedPlaces(hint, spec, encoder, sampler),
            _ => null,
        };
    }

    /// <summary>True when the group has grades and none of them is a pass.</summary>
    static bool Failed(RolloutGroup group, double passAbove)
    {
        var grades = group.Rollouts.Select(rollout => rollout.Grade?.Value).OfType<double>().ToArray();
        return grades.Length > 0 && grades.All(grade => grade <= passAbove);
    }
}
