using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Data;
using RftService.Grading;

namespace RftService.Api.Rewards;

internal static class RewardDryRun
{
    private const int MaxInFlight = 8;

    public static async Task<Results<Ok<DryRunResponse>, ProblemResult>> RunAsync(
        DryRunRequest request, Caller caller, RftDbContext db, GraderHost host, CancellationToken cancellation)
    {
        var spec = request.Grader ?? await StoredAsync(request, caller, db, cancellation);
        if (spec is null)
        {
            return Problems.Unprocessable("unknown_reward",
                new ProblemError("/reward_id", "unknown_reward", "there is no such reward or version in this project: list them at GET /api/v1/rewards"));
        }

        if (!GraderCheck.TryCreate(spec, host, out var grader, out var refusal))
        {
            return refusal;
        }

        var results = new DryRunResult[request.Samples.Count];
        var options = new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = MaxInFlight };
        await Parallel.ForAsync(0, results.Length, options, async (index, stop) =>
        {
            var sample = request.Samples[index];
            var started = Stopwatch.GetTimestamp();
            var grade = await grader.ScoreAsync(new GradingInput(sample.Item, sample.OutputText, sample.Truncated, sample.OutputTokens), stop);
            results[index] = DryRunResult.From(grade, grader.Reject(sample.Item), Stopwatch.GetElapsedTime(started));
        });

        var values = results.Where(result => result.Value is not null).Select(result => result.Value!.Value).ToList();
        return TypedResults.Ok(new DryRunResponse(
            results,
            values.Count == 0 ? null : values.Average(),
            results.Count(result => result.Outcome == GradeOutcome.Abstain),
            results.Count(result => result.Outcome == GradeOutcome.Error)));
    }

    private static async Task<GraderSpec?> StoredAsync(DryRunRequest request, Caller caller, RftDbContext db, CancellationToken cancellation)
    {
        if (!PublicId.Reward.TryParse(request.RewardId, out var id))
        {
            return null;
        }

        var json = await db.Rewards.AsNoTracking()
            .Where(reward => reward.Id == id && reward.ProjectId == caller.ProjectId && reward.DeletedAt == null)
            .Join(db.RewardVersions, reward => reward.Id, version => version.RewardId, (reward, version) => new { reward, version })
            .Where(pair => pair.version.Version == (request.Version ?? pair.reward.LatestVersion))
            .Select(pair => pair.version.GraderJson)
            .SingleOrDefaultAsync(cancellation);
        return json is null ? null : JsonSerializer.Deserialize<GraderSpec>(json, JsonSetup.Options);
    }
}
