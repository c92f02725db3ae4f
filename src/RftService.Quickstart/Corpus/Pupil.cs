namespace RftService.Quickstart.Corpus;

/// <summary>
/// Writes solutions with slips, as pupils do: a result is off by a little, and what follows is right for the wrong number.
/// The base model is made from these: it knows how to calculate and is careless, which is what reinforcement can mend.
/// </summary>
internal static class Pupil
{
    private static readonly IReadOnlyList<int> Slips = [-10, -2, -1, 1, 2, 10];

    /// <param name="problem">What is solved.</param>
    /// <param name="draw">Decides where the slips are.</param>
    /// <param name="slipPercent">Chance of a slip in each calculation.</param>
    /// <returns>The text, as <see cref="Problem.Solution"/>, and the number it ends in.</returns>
    public static (string Text, int Answer) Write(Problem problem, Draw draw, int slipPercent)
    {
        var lines = new List<string>();
        var (right, written) = (int.MinValue, int.MinValue); // result of the line before
        foreach (var step in problem.Steps)
        {
            var line = step.Left == right ? step with { Left = written } : step.Right == right ? step with { Right = written } : step;
            written = Math.Max(0, line.Result + (draw.Chance(slipPercent) ? draw.Pick(Slips) : 0));
            right = step.Result;
            lines.Add($" {line.Left} {line.Operator} {line.Right} = {written}.");
        }

        return ($"{string.Concat(lines)} #### {written}", written);
    }
}
