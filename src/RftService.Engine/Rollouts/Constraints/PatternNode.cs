namespace RftService.Engine.Rollouts.Constraints;

/// <summary>A part of a pattern, once it is read.</summary>
internal abstract record PatternNode
{
    /// <summary>One character of a set.</summary>
    internal sealed record One(CharacterSet Set) : PatternNode;

    /// <summary>All of these, one after the other.</summary>
    internal sealed record Sequence(IReadOnlyList<PatternNode> Parts) : PatternNode;

    /// <summary>Any of these.</summary>
    internal sealed record Choice(IReadOnlyList<PatternNode> Ways) : PatternNode;

    /// <summary>So many times; most is null without a bound.</summary>
    internal sealed record Repeat(PatternNode Part, int Least, int? Most) : PatternNode;

    /// <summary>`^`</summary>
    internal sealed record Start : PatternNode;

    /// <summary>`$`</summary>
    internal sealed record End : PatternNode;
}
