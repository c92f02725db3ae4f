namespace RftService.Quickstart.Corpus;

/// <summary>One word problem with a worked solution.</summary>
/// <param name="Key">Story and operands: what decides the split, so that names and objects cannot leak a problem into another one.</param>
/// <param name="Question">Plain English.</param>
/// <param name="Steps">Calculations in order, as `4 * 6 = 24`.</param>
/// <param name="Answer">The final number.</param>
internal sealed record Problem(string Key, string Question, IReadOnlyList<Calculation> Steps, int Answer)
{
    /// <summary>The worked solution, ending in `#### answer`; starts with a space, as the completion of a prompt does.</summary>
    public string Solution => $"{string.Concat(Steps.Select(step => $" {step}."))} #### {Answer}";

    /// <summary>Where the problem belongs; disjoint by construction, because it is a function of <see cref="Key"/> alone.</summary>
    public Split Split => (Draw.Hash(Key) % 20) switch
    {
        < 17 => Split.Train,
        17 => Split.Validation,
        _ => Split.HeldOut,
    };
}

/// <summary>`Left Operator Right = Result`.</summary>
internal sealed record Calculation(int Left, char Operator, int Right)
{
    public int Result => Operator switch
    {
        '+' => Left + Right,
        '-' => Left - Right,
        '*' => Left * Right,
        '/' => Left / Right,
        _ => throw new InvalidOperationException($"There is no operator '{Operator}'."),
    };

    public override string ToString() => $"{Left} {Operator} {Right} = {Result}";
}

/// <summary>Parts of the corpus.</summary>
internal enum Split
{
    /// <summary>The base model is made from these, and reinforcement practises on these.</summary>
    Train,

    /// <summary>Watched while the base model is made.</summary>
    Validation,

    /// <summary>Accuracy before and after a run is measured on these, and nothing else is.</summary>
    HeldOut,
}
