namespace RftService.Grading;

/// <summary>A node of a reward: a grader and its options; the JSON member `type` selects it, see <see cref="GraderCatalog"/>.</summary>
public abstract record GraderSpec
{
    /// <summary>Names the node in sub-rewards, metrics and error messages.</summary>
    [System.ComponentModel.DataAnnotations.RegularExpression("^[A-Za-z0-9_-]{1,64}$")]
    public required string Name { get; init; }
}
