using RftService.Api.Http;
using RftService.Grading;

namespace RftService.Api.Rewards;

/// <summary>Makes a grader of what a client sent, under the member `grader`.</summary>
internal static class GraderCheck
{
    /// <summary>The grader, or why there is none; code is loaded in its sandbox to see whether it can be.</summary>
    public static async Task<(IGrader? Grader, ProblemResult? Refusal)> CreateAsync(GraderSpec spec, GraderHost host)
    {
        try
        {
            // Code may take its time to load: on a thread of its own it holds up no other request.
            var grader = await Task.Factory.StartNew(
                () => GraderCatalog.Create(spec, host), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return (grader, null);
        }
        catch (GraderSpecException fault)
        {
            return (null, Problems.Unprocessable("invalid_grader", new ProblemError("/grader" + fault.Pointer, "invalid_grader", fault.Message)));
        }
    }
}
