using System.Diagnostics;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Completions;
using RftService.Api.Datasets;
using RftService.Api.Http;
using RftService.Api.Models;
using RftService.Api.Runs;
using RftService.Data;
using RftService.Data.Datasets;
using RftService.Data.Storage;
using RftService.Data.Workers;
using RftService.Grading;
using RftService.Grading.Templates;

namespace RftService.Api.Rewards;

/// <summary>Samples and grades some rows of a dataset. The completions come from a worker, as all completions do.</summary>
internal sealed class RewardPreviews(
    RftDbContext db, Caller caller, DatasetStore datasets, ArtifactPaths paths, SamplingProxy proxy, GraderHost host)
{
    private const int DefaultMaxTokens = 256;

    public async Task<IResult> RunAsync(RewardPreviewRequest request, CancellationToken cancellation)
    {
        var spec = request.Grader ?? await RewardLookup.FindSpecAsync(db, caller, request.RewardId, request.Version, cancellation);
        if (spec is null)
        {
            return RewardLookup.Unknown();
        }

        var (grader, refusal) = await GraderCheck.CreateAsync(spec, host);
        if (grader is null)
        {
            return refusal!;
        }

        if (await FindTargetAsync(request, cancellation) is not { } target)
        {
            return Problems.Unprocessable("unknown_model", new ProblemError(request.Model is null ? "/checkpoint_id" : "/model", "unknown_model",
                "there is no such model or checkpoint in this project"));
        }

        if (ModelReadiness.Refusal(target.Model) is { } notReady)
        {
            return notReady;
        }

        if (await datasets.FindAsync(caller, request.DatasetId, cancellation) is not { Kind: DatasetKinds.Prompts or DatasetKinds.Expert } dataset)
        {
            return Problems.Unprocessable("unknown_dataset", new ProblemError("/dataset_id", "unknown_dataset",
                "there is no such dataset of kind prompts or expert in this project: list them at GET /api/v1/datasets"));
        }

        try
        {
            return TypedResults.Ok(PreviewReport.Of(await SampleAsync(request, target, dataset, grader, cancellation)));
        }
        catch (SamplingRefused refused)
        {
            return refused.ToProblem();
        }
    }

    private async Task<CompletionTarget?> FindTargetAsync(RewardPreviewRequest request, CancellationToken cancellation)
    {
        if (request.CheckpointId is { } checkpoint)
        {
            return await CompletionTarget.OfCheckpointAsync(db, caller, checkpoint, cancellation);
        }

        var models = db.Models.AsNoTracking().Where(model => model.ProjectId == caller.ProjectId);
        var found = PublicId.Model.TryParse(request.Model, out var id)
            ? await models.SingleOrDefaultAsync(model => model.Id == id, cancellation)
            : await models.SingleOrDefaultAsync(model => model.Name == request.Model, cancellation);
        return found is null ? null : new CompletionTarget(request.Model!, found, CheckpointFolder: null, IsAdapter: false);
    }

    private async Task<IReadOnlyList<PreviewSample>> SampleAsync(
        RewardPreviewRequest request, CompletionTarget target, Dataset dataset, IGrader grader, CancellationToken cancellation)
    {
        var template = dataset.PromptTemplate is null ? null : Template.Parse(dataset.PromptTemplate);
        var samples = new List<PreviewSample>();
        using var file = DatasetFile.Open(paths, dataset.Sha256);
        var rows = Math.Min(request.Rows, dataset.Rows);
        for (var i = 0; i < rows; i++)
        {
            var row = (int)((long)i * dataset.Rows / rows);
            using var document = JsonDocument.Parse(file.Read(row));
            var item = document.RootElement.Clone();
            var completions = await CompleteAsync(Ask(request, target, template, item, i), cancellation);
            var inputs = GradingGroup.Join([.. completions.Select(completion =>
                new GradingInput(item, completion.Text, completion.Truncated, completion.Tokens) { Step = request.Step })]);
            samples.AddRange(await Task.WhenAll(inputs.Select(input => GradeAsync(grader, row, input, cancellation))));
        }

        return samples;
    }

    private static SamplingRequest Ask(RewardPreviewRequest request, CompletionTarget target, Template? template, JsonElement item, int index)
    {
        var messages = template is null && item.TryGetProperty("messages", out var turns)
            ? turns.EnumerateArray().Select(ChatMessageBody.Of).ToList()
            : null;
        var prompt = template is not null ? (template.TryRender(item, outputText: null, out var text, out _) ? text : null)
            : messages is null ? item.GetProperty("prompt").GetString() : null;
        var maxTokens = request.MaxTokens ?? Math.Clamp(target.Model.ContextLength / 2, 1, DefaultMaxTokens);
        return new SamplingRequest(
            target.Model.Folder, target.CheckpointFolder, target.IsAdapter, prompt, messages, maxTokens, request.Temperature,
            TopP: 1, TopK: 0, Stop: [], request.GroupSize, Seed: ((long)request.Seed << 16) + index,
            ModelSha256: target.Model.Sha256, Project: target.Model.ProjectId,
            Tools: messages is not null && item.TryGetProperty("tools", out var tools) && tools.ValueKind == JsonValueKind.Array ? tools : null);
    }

    private async Task<IReadOnlyList<Completion>> CompleteAsync(SamplingRequest ask, CancellationToken cancellation)
    {
        var texts = Enumerable.Range(0, ask.Samples).Select(_ => new Completion()).ToList();
        await foreach (var piece in proxy.SampleAsync(ask, cancellation))
        {
            var completion = texts[piece.Index];
            completion.Text += piece.Text;
            (completion.Truncated, completion.Tokens) = (piece.FinishReason == "length", piece.CompletionTokens);
        }

        return texts;
    }

    private static async Task<PreviewSample> GradeAsync(IGrader grader, int row, GradingInput input, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        var grade = await grader.ScoreAsync(input, cancellation);
        return new PreviewSample(row, input.OutputText, input.Truncated, DryRunResult.From(grade, grader.Reject(input.Item), Stopwatch.GetElapsedTime(started)));
    }

    private sealed class Completion
    {
        public string Text { get; set; } = "";

        public bool Truncated { get; set; }

        public int? Tokens { get; set; }
    }
}
