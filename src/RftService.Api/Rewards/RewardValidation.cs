using Microsoft.AspNetCore.Http.HttpResults;
using RftService.Api.Datasets;
using RftService.Api.Http;
using RftService.Api.Runs;
using RftService.Grading;

namespace RftService.Api.Rewards;

internal static class RewardValidation
{
    public static async Task<Results<Ok<ValidateRewardResponse>, ProblemResult>> RunAsync(
        ValidateRewardRequest request, Caller caller, DatasetStore datasets, RowChecks rows, GraderHost host, CancellationToken cancellation)
    {
        var (grader, refusal) = await GraderCheck.CreateAsync(request.Grader, host);
        if (grader is null)
        {
            return refusal!;
        }

        if (request.DatasetId is not { } id)
        {
            return TypedResults.Ok(new ValidateRewardResponse(request.Grader, null, []));
        }

        if (await datasets.FindAsync(caller, id, cancellation) is not { } dataset)
        {
            return Problems.Unprocessable("unknown_dataset", new ProblemError("/dataset_id", "unknown_dataset",
                "there is no such dataset in this project: list them at GET /api/v1/datasets"));
        }

        var errors = new List<ProblemError>();
        var notes = await rows.CheckAsync(dataset, grader, errors, cancellation);
        return errors.Count > 0
            ? Problems.Unprocessable("rows_refused", [.. errors])
            : TypedResults.Ok(new ValidateRewardResponse(request.Grader, dataset.Rows, [.. notes]));
    }
}
