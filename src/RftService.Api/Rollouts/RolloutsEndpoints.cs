using System.ComponentModel;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Events;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Rollouts;
using RftService.Engine.Data;
using RftService.Engine.Rollouts;

namespace RftService.Api.Rollouts;

internal static class RolloutsEndpoints
{
    public static void MapRunRollouts(this IEndpointRouteBuilder v1) => v1.MapGet("/runs/{id}/rollouts", ListAsync)
        .WithTags("Runs").WithName("ListRunRollouts").WithSummary("Read the completions of a run, first step first")
        .Produces<Page<RolloutResponse>>()
        .ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status404NotFound);

    private static async Task<IResult> ListAsync(
        [Description("The run's id")] string id, [AsParameters] RolloutQuery query, RftDbContext db, Caller caller, CancellationToken cancellation)
    {
        if (await RunLookup.FindAsync(db, caller, id, cancellation) is not { } runId)
        {
            return PublicId.Run.NotFound(id);
        }

        var rollouts = Filter(db.Rollouts.AsNoTracking().Where(rollout => rollout.RunId == runId), query);
        if (query.Latest == true)
        {
            var newest = await rollouts.MaxAsync(rollout => (int?)rollout.Step, cancellation);
            rollouts = rollouts.Where(rollout => rollout.Step == newest);
        }

        if (query.Cursor is { } text && RolloutCursor.TryParse(text, out var cursor))
        {
            // The order of the unique index, which the comparison of rows can walk.
            rollouts = rollouts.Where(rollout => EF.Functions.GreaterThan(
                ValueTuple.Create(rollout.Step, rollout.IsEvaluation, rollout.GroupIndex, rollout.SampleIndex),
                ValueTuple.Create(cursor.Step, cursor.Evaluation, cursor.Group, cursor.Sample)));
        }

        var limit = query.Limit ?? 50;
        var found = await rollouts
            .OrderBy(rollout => rollout.Step).ThenBy(rollout => rollout.IsEvaluation).ThenBy(rollout => rollout.GroupIndex).ThenBy(rollout => rollout.SampleIndex)
            .Take(limit + 1).ToListAsync(cancellation);
        var hasMore = found.Count > limit;
        var data = found.Take(limit).Select(From).ToList();
        var next = hasMore ? new RolloutCursor(data[^1].Step, data[^1].Evaluation, data[^1].Group, data[^1].Sample).ToString() : null;
        return TypedResults.Ok(new Page<RolloutResponse>(data, next, hasMore));
    }

    private static IQueryable<RolloutRecord> Filter(IQueryable<RolloutRecord> rollouts, RolloutQuery query)
    {
        if (query.Step is { } step)
        {
            rollouts = rollouts.Where(rollout => rollout.Step == step);
        }

        if (query.Evaluation is { } evaluation)
        {
            rollouts = rollouts.Where(rollout => rollout.IsEvaluation == evaluation);
        }

        if (query.MinReward is { } low)
        {
            rollouts = rollouts.Where(rollout => rollout.Reward >= low);
        }

        if (query.MaxReward is { } high)
        {
            rollouts = rollouts.Where(rollout => rollout.Reward <= high);
        }

        if (query.Errors is { } errors)
        {
            rollouts = rollouts.Where(rollout => (rollout.ErrorCode != null) == errors);
        }

        if (query.Contains is { } wanted)
        {
            rollouts = rollouts.Where(rollout => rollout.Completion.Contains(wanted) || rollout.Prompt.Contains(wanted));
        }

        return rollouts;
    }

    private static RolloutResponse From(RolloutRecord rollout) => new()
    {
        Step = rollout.Step,
        Evaluation = rollout.IsEvaluation,
        Group = rollout.GroupIndex,
        Sample = rollout.SampleIndex,
        Row = rollout.RowIndex,
        Prompt = rollout.Prompt,
        Completion = rollout.Completion,
        StopReason = rollout.StopReason,
        Origin = rollout.Origin,
        Tokens = rollout.Tokens,
        Reward = rollout.Reward,
        ErrorCode = rollout.ErrorCode,
        Reason = rollout.Reason,
        Parts = rollout.PartsJson is { } parts ? JsonSerializer.Deserialize<Dictionary<string, double>>(parts, JsonSetup.Options) : null,
        PolicyVersions = rollout.PolicyVersionsJson is { } versions ? JsonSerializer.Deserialize<List<PolicyStretch>>(versions, JsonSetup.Options) : null,
        Info = rollout.InfoJson is { } info ? JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(info, JsonSetup.Options) : null,
        Steps = rollout.StepsJson is { } steps ? JsonSerializer.Deserialize<List<GradedStep>>(steps, JsonSetup.Options) : null,
        GradingMs = rollout.GradingMs,
        Advantage = rollout.Advantage,
    };
}
