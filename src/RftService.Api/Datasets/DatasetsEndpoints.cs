using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;
using RftService.Api.Http;
using RftService.Data.Datasets;
using RftService.Data.Storage;
using RftService.Grading.Templates;

namespace RftService.Api.Datasets;

/// <summary>Which rows to show; taken with [AsParameters].</summary>
public sealed record RowsRequest : IRequestQuery
{
    /// <summary>First row.</summary>
    [Range(0, int.MaxValue)]
    [FromQuery(Name = "offset")]
    [Description("First row, from 0; 0 when absent")]
    public int? Offset { get; init; }

    /// <summary>Rows at most.</summary>
    [Range(1, 200)]
    [FromQuery(Name = "limit")]
    [Description("Rows at most, 1 to 200; 20 when absent")]
    public int? Limit { get; init; }
}

internal static class DatasetsEndpoints
{
    // A page of rows is built in memory; rows may be megabytes each.
    private const int MaxPageBytes = 4 * 1024 * 1024;

    public static RouteGroupBuilder MapDatasets(this IEndpointRouteBuilder v1)
    {
        var datasets = v1.MapGroup("/datasets").WithTags("Datasets");
        datasets.MapDatasetUploads();
        datasets.MapGet("/", ListAsync).WithName("ListDatasets").WithSummary("List datasets, newest first")
            .ProducesProblems(StatusCodes.Status400BadRequest);
        datasets.MapGet("/{id}", GetAsync).WithName("GetDataset").WithSummary("Show one dataset with its statistics")
            .Produces<DatasetResponse>().ProducesProblems(StatusCodes.Status404NotFound);
        datasets.MapGet("/{id}/rows", RowsAsync).WithName("ListDatasetRows").WithSummary("Show rows as uploaded, and what the templates make of them")
            .Produces<DatasetRows>().ProducesProblems(StatusCodes.Status400BadRequest, StatusCodes.Status404NotFound);
        datasets.MapGet("/{id}/content", ContentAsync).WithName("DownloadDataset").WithSummary("Download the file as uploaded")
            .WithDescription("Takes Range (206, 416) and If-None-Match (304); the ETag is the file's sha256.")
            .Produces(StatusCodes.Status200OK, contentType: "application/jsonl").ProducesProblems(StatusCodes.Status404NotFound);
        datasets.MapDelete("/{id}", DeleteAsync).WithName("DeleteDataset").WithSummary("Delete a dataset")
            .WithDescription("Refused while a queued or running run uses it. The file stays as long as a run has used it.")
            .Produces(StatusCodes.Status204NoContent).ProducesProblems(StatusCodes.Status404NotFound, StatusCodes.Status409Conflict);
        return datasets;
    }

    private static async Task<Page<DatasetResponse>> ListAsync(
        [AsParameters] PageRequest page, Caller caller, DatasetStore store, CancellationToken cancellation) =>
        await store.Of(caller).ToPageAsync(page, DatasetResponse.Summary, cancellation);

    private static async Task<IResult> GetAsync(
        [Description("The dataset's id")] string id, HttpContext http, Caller caller, DatasetStore store, CancellationToken cancellation) =>
        await store.FindAsync(caller, id, cancellation) is { } dataset
            ? EntityTag.OkOrNotModified(http, DatasetResponse.From(dataset))
            : PublicId.Dataset.NotFound(id);

    private static async Task<IResult> RowsAsync(
        [Description("The dataset's id")] string id, [AsParameters] RowsRequest request,
        Caller caller, DatasetStore store, ArtifactPaths paths, CancellationToken cancellation)
    {
        if (await store.FindAsync(caller, id, cancellation) is not { } dataset)
        {
            return PublicId.Dataset.NotFound(id);
        }

        var (prompt, completion) = (Parse(dataset.PromptTemplate), Parse(dataset.CompletionTemplate));
        var end = Math.Min(dataset.Rows, (long)(request.Offset ?? 0) + (request.Limit ?? 20));
        var (rows, bytes, at) = (new List<DatasetRow>(), 0, request.Offset ?? 0);
        using var file = DatasetFile.Open(paths, dataset.Sha256);
        for (; at < end && (bytes < MaxPageBytes || rows.Count == 0); at++)
        {
            var line = file.Read(at);
            bytes += line.Length;
            var value = JsonSerializer.Deserialize<JsonElement>(line, JsonSetup.Options);
            rows.Add(new DatasetRow(at, at + 1, value, Render(prompt, value), Render(completion, value)));
        }

        return TypedResults.Ok(new DatasetRows(rows, dataset.Rows, at < dataset.Rows ? at : null));
    }

    private static async Task<IResult> ContentAsync(
        [Description("The dataset's id")] string id, Caller caller, DatasetStore store, ArtifactPaths paths, CancellationToken cancellation) =>
        await store.FindAsync(caller, id, cancellation) is { } dataset
            ? TypedResults.PhysicalFile(
                paths.Dataset(dataset.Sha256), "application/jsonl", PublicId.Dataset.Format(dataset.Id) + ".jsonl",
                dataset.CreatedAt, new EntityTagHeaderValue($"\"{dataset.Sha256}\""), enableRangeProcessing: true)
            : PublicId.Dataset.NotFound(id);

    private static async Task<IResult> DeleteAsync(
        [Description("The dataset's id")] string id, Caller caller, DatasetStore store, CancellationToken cancellation)
    {
        if (await store.FindAsync(caller, id, cancellation) is not { } dataset)
        {
            return PublicId.Dataset.NotFound(id);
        }

        var busy = await store.DeleteAsync(dataset, cancellation);
        return busy.Count == 0
            ? TypedResults.NoContent()
            : Problems.Conflict("dataset_in_use",
                $"Runs that are not finished use the dataset: {string.Join(", ", busy.Select(run => PublicId.Run.Format(run)))}. Cancel them or wait for their end.");
    }

    private static Template? Parse(string? template) => template is null ? null : Template.Parse(template);

    private static string? Render(Template? template, JsonElement row) =>
        template is not null && template.TryRender(row, outputText: null, out var text, out _) ? text : null;
}
