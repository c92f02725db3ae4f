using System.ComponentModel;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Rewards;
using RftService.Grading;

namespace RftService.Api.Rewards;

internal static class RewardsEndpoints
{
    public static void MapRewards(this IEndpointRouteBuilder v1)
    {
        var rewards = v1.MapGroup("/rewards").WithTags("Rewards");
        rewards.MapPost("/", CreateAsync).WithName("CreateReward").WithSummary("Store a grader tree as version 1 of a new reward")
            .AcceptsIdempotencyKey().ProducesProblems(400);
        rewards.MapGet("/", ListAsync).WithName("ListRewards").WithSummary("List the rewards").ProducesProblems(400);
        rewards.MapPost("/validate", RewardValidation.RunAsync).WithName("ValidateReward")
            .WithSummary("Check a grader tree, and the rows of a dataset against it")
            .WithDescription("Makes the checks that storing the reward and submitting a run make; stores and grades nothing.").ProducesProblems(400, 422);
        rewards.MapPost("/dry-run", RewardDryRun.RunAsync).WithName("DryRunReward").WithSummary("Grade given completions; stores nothing")
            .ProducesProblems(400, 422);
        rewards.MapPost("/preview", (RewardPreviewRequest request, RewardPreviews previews, CancellationToken cancellation) => previews.RunAsync(request, cancellation))
            .WithName("PreviewReward").WithSummary("Sample completions of some rows and grade them; stores nothing")
            .WithDescription("Shows how the reward is spread, between prompts and within them, what fails, how the parts agree, and whether a run could learn from it.")
            .Produces<RewardPreview>().ProducesProblems(400, 409, 422, 503);
        rewards.MapGet("/{id}", GetAsync).WithName("GetReward").WithSummary("Show a reward and its newest version")
            .Produces<RewardResponse>().ProducesProblems(404);
        rewards.MapDelete("/{id}", DeleteAsync).WithName("DeleteReward").WithSummary("Take a reward out of use; runs that have it go on")
            .ProducesProblems(404);
        rewards.MapPost("/{id}/versions", AddVersionAsync).WithName("CreateRewardVersion").WithSummary("Store a new version of a reward")
            .AcceptsIdempotencyKey().ProducesProblems(400, 404);
        rewards.MapGet("/{id}/versions/{version:int}", GetVersionAsync).WithName("GetRewardVersion").WithSummary("Show one version of a reward")
            .Produces<RewardVersionResponse>().ProducesProblems(404);
    }

    private static async Task<Results<Created<RewardResponse>, ProblemResult>> CreateAsync(
        CreateRewardRequest request, Caller caller, ResourceId resource, RftDbContext db, GraderHost host, TimeProvider clock, CancellationToken cancellation)
    {
        if ((await GraderCheck.CreateAsync(request.Grader, host)).Refusal is { } refusal)
        {
            return refusal;
        }

        var reward = new Reward
        {
            Id = resource.Value,
            ProjectId = caller.ProjectId,
            Name = request.Name,
            LatestVersion = 1,
            CreatedAt = clock.GetUtcNow(),
        };
        db.Rewards.Add(reward);
        db.RewardVersions.Add(VersionOf(reward, resource, request.Grader, clock));
        try
        {
            await db.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException made) when (made.IsTaken("pk_rewards"))
        {
            // by this very request, before a crash: its answer was lost, the reward was not
        }

        var id = PublicId.Reward.Format(reward.Id);
        return TypedResults.Created($"/api/v1/rewards/{id}", new RewardResponse(id, reward.Name, 1, request.Grader, reward.CreatedAt));
    }

    private static async Task<Results<Created<RewardVersionResponse>, ProblemResult>> AddVersionAsync(
        [Description("The reward's id")] string id, CreateRewardVersionRequest request, Caller caller, ResourceId resource, RftDbContext db,
        GraderHost host, TimeProvider clock, CancellationToken cancellation)
    {
        if (await Find(db.Rewards, id, caller).SingleOrDefaultAsync(cancellation) is not { } reward)
        {
            return PublicId.Reward.NotFound(id);
        }

        if ((await GraderCheck.CreateAsync(request.Grader, host)).Refusal is { } refusal)
        {
            return refusal;
        }

        if (await db.RewardVersions.AsNoTracking().SingleOrDefaultAsync(one => one.Id == resource.Value && one.RewardId == reward.Id, cancellation) is { } made)
        {
            return CreatedVersion(id, made, request.Grader); // by this very request, before a crash: its answer was lost, the version was not
        }

        reward.LatestVersion++;
        var version = VersionOf(reward, resource, request.Grader, clock);
        db.RewardVersions.Add(version);
        try
        {
            await db.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException)
        {
            return Problems.Conflict("changed_meanwhile", "Another version was stored at the same time: look at it, then send yours again.");
        }

        return CreatedVersion(id, version, request.Grader);
    }

    private static Created<RewardVersionResponse> CreatedVersion(string id, RewardVersion version, GraderSpec grader) => TypedResults.Created(
        $"/api/v1/rewards/{id}/versions/{version.Version}", new RewardVersionResponse(id, version.Version, grader, version.CreatedAt));

    private static async Task<Ok<Page<RewardSummary>>> ListAsync(
        [AsParameters] PageRequest page, Caller caller, RftDbContext db, CancellationToken cancellation) =>
        TypedResults.Ok(await db.Rewards
            .Where(reward => reward.ProjectId == caller.ProjectId && reward.DeletedAt == null)
            .ToPageAsync(page, reward => new RewardSummary(
                PublicId.Reward.Format(reward.Id), reward.Name, reward.LatestVersion, reward.CreatedAt), cancellation));

    private static async Task<IResult> GetAsync(
        [Description("The reward's id")] string id, HttpContext http, Caller caller, RftDbContext db, CancellationToken cancellation) =>
        await Find(db.Rewards.AsNoTracking(), id, caller)
            .Join(db.RewardVersions, reward => reward.Id, version => version.RewardId, (reward, version) => new { reward, version })
            .SingleOrDefaultAsync(pair => pair.version.Version == pair.reward.LatestVersion, cancellation) is { } found
            ? EntityTag.OkOrNotModified(http, new RewardResponse(
                id, found.reward.Name, found.reward.LatestVersion, SpecOf(found.version), found.reward.CreatedAt))
            : PublicId.Reward.NotFound(id);

    private static async Task<IResult> GetVersionAsync(
        [Description("The reward's id")] string id, [Description("Number of the version, from 1")] int version, HttpContext http,
        Caller caller, RftDbContext db, CancellationToken cancellation) =>
        await Find(db.Rewards.AsNoTracking(), id, caller)
            .Join(db.RewardVersions, reward => reward.Id, one => one.RewardId, (_, one) => one)
            .SingleOrDefaultAsync(one => one.Version == version, cancellation) is { } found
            ? EntityTag.OkOrNotModified(http, new RewardVersionResponse(id, found.Version, SpecOf(found), found.CreatedAt))
            : Problems.NotFound("reward version", $"{id}/versions/{version}");

    private static async Task<Results<NoContent, ProblemResult>> DeleteAsync(
        [Description("The reward's id")] string id, Caller caller, RftDbContext db, TimeProvider clock, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        return await Find(db.Rewards, id, caller).ExecuteUpdateAsync(set => set.SetProperty(reward => reward.DeletedAt, now), cancellation) == 1
            ? TypedResults.NoContent()
            : PublicId.Reward.NotFound(id);
    }

    private static IQueryable<Reward> Find(IQueryable<Reward> rewards, string id, Caller caller)
    {
        var rewardId = PublicId.Reward.TryParse(id, out var parsed) ? parsed : Guid.Empty;
        return rewards.Where(reward => reward.Id == rewardId && reward.ProjectId == caller.ProjectId && reward.DeletedAt == null);
    }

    private static RewardVersion VersionOf(Reward reward, ResourceId resource, GraderSpec grader, TimeProvider clock) => new()
    {
        Id = resource.Value,
        RewardId = reward.Id,
        Version = reward.LatestVersion,
        GraderJson = JsonSerializer.Serialize(grader, JsonSetup.Options),
        CreatedAt = clock.GetUtcNow(),
    };

    private static GraderSpec SpecOf(RewardVersion version) =>
        JsonSerializer.Deserialize<GraderSpec>(version.GraderJson, JsonSetup.Options)
        ?? throw new InvalidOperationException($"Reward {version.RewardId} version {version.Version} holds no grader.");
}
