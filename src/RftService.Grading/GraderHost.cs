namespace RftService.Grading;

/// <summary>What graders need from the program that they run in. One for a program, as long as the program lives.</summary>
public sealed class GraderHost
{
    /// <summary>Makes a part of a composed grader; its faults point into the whole tree.</summary>
    internal IGrader CreatePart(GraderSpec spec, string pointer) => GraderCatalog.CreateNested(spec, pointer, this);
}
