namespace RftService.Quickstart.Corpus;

/// <summary>
/// Writes solutions as pupils do. Nearly half of them are hasty: they write any number and no calculation, and are nearly always wrong.
/// The others write every line, with a slip now and then, and what follows a slip is right for the wrong number.
/// The base model is made from these: it knows how to calculate but often does not bother, which is what reinforcement can mend.
/// </summary>
internal static class Pupil
{
    private const int HastyPercent = 45;
    private const int SlipPercent = 5;

    private static readonly IReadOnlyList<int> Slips = [-10, -5, -2, -1, 1, 2, 5, 10];

    /// <returns>The text, as <see cref="Problem.Solution"/>, and the number it ends in.</returns>
    public static (string Text, int Answer) Write(Problem problem, Draw draw)
    {
        if (draw.Chance(HastyPercent))
        {
            var guess = draw.Number(2, 40);
            return ($" #### {guess}", guess);
        }

        var lines = new List<string>();
        var (right, written) = (int.MinValue, int.MinValue); // result of the line before
        foreach (var step in problem.Steps)
        {
            var line = step.Left == right ? step with { Left = written } : step.Right == right ? step with { Right = written } : step;
            written = Math.Max(0, line.Result + (draw.Chance(SlipPercent) ? draw.Pick(Slips) : 0));
            right = step.Result;
            lines.Add($" {line.Left} {line.Operator} {line.Right} = {written}.");
        }

        return ($"{string.Concat(lines)} #### {written}", written);
    }
}
