using System.Diagnostics.CodeAnalysis;
using RftService.Api.Http;
using RftService.Grading;

namespace RftService.Api.Rewards;

/// <summary>Makes a grader of what a client sent, under the member `grader`.</summary>
internal static class GraderCheck
{
    public static bool TryCreate(
        GraderSpec spec, GraderHost host, [NotNullWhen(true)] out IGrader? grader, [NotNullWhen(false)] out ProblemResult? refusal)
    {
        (grader, refusal) = (null, null);
        try
        {
            grader = GraderCatalog.Create(spec, host);
            return true;
        }
        catch (GraderSpecException fault)
        {
            refusal = Problems.Unprocessable("invalid_grader", new ProblemError("/grader" + fault.Pointer, "invalid_grader", fault.Message));
            return false;
        }
    }
}
