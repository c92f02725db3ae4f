using RftService.Grading.Sandbox;

namespace RftService.Grading;

/// <summary>What graders need from the program that they run in. One for a program, as long as the program lives.</summary>
public sealed class GraderHost(CodeSandbox sandbox)
{
    /// <summary>Where graders that are code run.</summary>
    public CodeSandbox Sandbox => sandbox;

    /// <summary>Makes a part of a composed grader; its faults point into the whole tree.</summary>
    internal IGrader CreatePart(GraderSpec spec, string pointer) => GraderCatalog.CreateNested(spec, pointer, this);
}
