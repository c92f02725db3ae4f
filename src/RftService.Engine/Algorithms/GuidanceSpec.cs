using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace RftService.Engine.Algorithms;

/// <summary>Help that is put into the groups of a step after they are sampled and graded; `type` selects it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(TeacherGuidance), "teachers")]
[JsonDerivedType(typeof(HintGuidance), "hint")]
[JsonDerivedType(typeof(TruthGuidance), "truth")]
public abstract record GuidanceSpec
{
    /// <summary>A grade above this is a pass; a group without one has failed.</summary>
    [Range(-1e6, 1e6)]
    public double PassAbove { get; init; } = RetirementSpec.DefaultPassAbove;
}

/// <summary>Expert completions of the prompt take the places of some of a group that failed as a whole; they are learned from as `experts`.</summary>
public sealed record TeacherGuidance : GuidanceSpec
{
    /// <summary>Places given away at most.</summary>
    [Range(1, 1024)]
    public int Places { get; init; } = 2;

    /// <summary>What comes after the last of these texts is the answer, by whose likelihood teachers are chosen; absent: the whole completion.</summary>
    [StringLength(200, MinimumLength = 1)]
    public string? AnswerAfter { get; init; }
}

/// <summary>A group that failed as a whole is joined by completions of the prompt with the row's `hint`.</summary>
public sealed record HintGuidance : GuidanceSpec
{
    /// <summary>Completions of the prompt with the hint; absent: as many as the group has.</summary>
    [Range(1, 1024)]
    public int? Completions { get; init; }

    /// <summary>Stands between the prompt (of a conversation: its last message) and the hint.</summary>
    [StringLength(1000, MinimumLength = 1)]
    public string Lead { get; init; } = "\n\nHint: ";
}

/// <summary>An expert completion of the prompt joins each group, as if the policy had written it.</summary>
public sealed record TruthGuidance : GuidanceSpec;
