using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Data.Checkpoints;
using RftService.Data.Runs;
using RftService.Data.Workers;
using RftService.Worker.Sampling;

namespace RftService.Worker.Tests;

public sealed class EndToEndTests : IAsyncLifetime
{
    private const int Steps = 24;

    private const string Recipe = """
        {"steps": 24, "algorithm": {"type": "grpo"}, "group_size": 4, "prompts_per_step": 2, "checkpoint_every": 5, "seed": 3,
         "sampling": {"max_tokens": 8}, "optimizer": {"learning_rate": 0.01}}
        """;

    // About half of the random completions hold one of them, so that there is something to learn.
    private const string Grader = """
        {"type": "contains", "name": "letter", "input": "{{sample.output_text}}",
         "keywords": ["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s","t","u","v","w","x","y","z"]}
        """;

    private readonly TestRuns _runs = new();

    public async Task InitializeAsync()
    {
        await _runs.InitializeAsync();
        TinyCheckpoint.Write(_runs.Paths.InModels("tiny"));
    }

    public Task DisposeAsync() => _runs.DisposeAsync();

    [Fact]
    public async Task Run_WorkerKilledInMidRun_EndsAsIfNothingHadHappened()
    {
        var project = await _runs.AddProjectAsync(
            string.Join('\n', "one two three four five six seven".Split(' ').Select(word => $$"""{"prompt": "{{word}}"}""")), Grader);
        var disturbed = await _runs.AddRunAsync(project, recipe: Recipe, totalSteps: Steps);

        using (var first = WorkerProcess.Start(_runs))
        {
            await UntilAsync(first, async () => (await _runs.GetAsync(disturbed)).Step >= 7);
            first.Kill();
        }

        Assert.Equal(RunStatus.Running, (await _runs.GetAsync(disturbed)).Status);
        var undisturbed = await _runs.AddRunAsync(project, recipe: Recipe, totalSteps: Steps);
        using var second = WorkerProcess.Start(_runs);
        await UntilAsync(second, async () => (await _runs.GetAsync(undisturbed)).IsFinished && (await _runs.GetAsync(disturbed)).IsFinished);

        var (one, other) = (await _runs.GetAsync(disturbed), await _runs.GetAsync(undisturbed));
        Assert.Equal((RunStatus.Succeeded, RunStatus.Succeeded), (one.Status, other.Status));
        Assert.Equal((2, 1), (one.Attempt, other.Attempt));
        Assert.Contains("worker_lost", await _runs.EventsAsync(disturbed));

        var metrics = await MetricsAsync(disturbed);
        Assert.Equal(Enumerable.Range(1, Steps), metrics.Select(step => step.Step)); // gapless and single
        Assert.Equal(await MetricsAsync(undisturbed), metrics);
        Assert.Equal(await RolloutsAsync(undisturbed), await RolloutsAsync(disturbed));
        Assert.Equal(Steps * 2 * 4, (await RolloutsAsync(disturbed)).Count);
        Assert.Equal(Steps * 2 * 4, await _runs.CountAsync("select sum(attempts) from row_attempts where run_id = @run", disturbed));
        Assert.Equal(
            await _runs.CountAsync("select count(*) from rollouts where run_id = @run and reward > 0.5", disturbed),
            await _runs.CountAsync("select sum(passes) from row_attempts where run_id = @run", disturbed));

        var (checkpoint, twin) = (await LastCheckpointAsync(disturbed), await LastCheckpointAsync(undisturbed));
        Assert.Equal(Steps, checkpoint.Step);
        Assert.Equal(Weights(twin), Weights(checkpoint)); // bit for bit
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(_runs.Paths.InModels("tiny"), "model.safetensors")), Weights(checkpoint));

        var text = await SampleAsync(checkpoint);
        Assert.Equal(text, await SampleAsync(twin));
    }

    [Fact]
    public async Task Run_PromptsWithExpertRows_LearnsFromBoth()
    {
        var project = await _runs.AddProjectAsync("{\"prompt\": \"one\", \"completion\": \"two\"}\n{\"prompt\": \"three\", \"completion\": \"four\"}", Grader);
        var run = await _runs.AddRunAsync(project, recipe: Recipe.Replace("\"grpo\"", "\"chord\", \"expert_rows_per_step\": 3", StringComparison.Ordinal), totalSteps: Steps);
        await _runs.ExecuteAsync("update runs set expert_dataset_id = dataset_id where id = @run", run);

        using var worker = WorkerProcess.Start(_runs);
        await UntilAsync(worker, async () => (await _runs.GetAsync(run)).IsFinished);

        Assert.Equal(RunStatus.Succeeded, (await _runs.GetAsync(run)).Status);
        Assert.Equal(Steps, await _runs.CountAsync(
            "select count(*) from step_metrics where run_id = @run and (values->>'chord/mu')::float8 = 0.1 and (values->>'expert/epochs')::float8 = step * 1.5", run));
    }

    private static async Task UntilAsync(WorkerProcess worker, Func<Task<bool>> isTrue)
    {
        for (var i = 0; i < 15_000; i++)
        {
            if (await isTrue())
            {
                return;
            }

            Assert.False(worker.HasExited, worker.Output);
            await Task.Delay(20);
        }

        Assert.Fail(worker.Output);
    }

    // What does not depend on the clock.
    private async Task<List<(int Step, string Values)>> MetricsAsync(Guid run)
    {
        await using var db = _runs.Open();
        var rows = await db.StepMetrics.Where(m => m.RunId == run).OrderBy(m => m.Step).ToListAsync();
        return rows.ConvertAll(row => (row.Step, string.Join(' ', JsonSerializer.Deserialize<SortedDictionary<string, double>>(row.ValuesJson)!
            .Where(metric => !metric.Key.StartsWith("time/", StringComparison.Ordinal) && !metric.Key.StartsWith("throughput/", StringComparison.Ordinal))
            .Select(metric => $"{metric.Key}={metric.Value:R}"))));
    }

    private async Task<List<string>> RolloutsAsync(Guid run)
    {
        await using var db = _runs.Open();
        return await db.Rollouts.Where(r => r.RunId == run)
            .OrderBy(r => r.Step).ThenBy(r => r.GroupIndex).ThenBy(r => r.SampleIndex)
            .Select(r => $"{r.Step} {r.GroupIndex} {r.SampleIndex} {r.Completion} {r.Reward} {r.Advantage}").ToListAsync();
    }

    private async Task<Checkpoint> LastCheckpointAsync(Guid run)
    {
        await using var db = _runs.Open();
        return await db.Checkpoints.Where(c => c.RunId == run).OrderByDescending(c => c.Step).FirstAsync();
    }

    private byte[] Weights(Checkpoint checkpoint) => File.ReadAllBytes(Path.Combine(_runs.Paths.InData(checkpoint.Folder), "model.safetensors"));

    private async Task<string> SampleAsync(Checkpoint checkpoint)
    {
        await using var db = _runs.Open();
        var address = await db.Workers.OrderByDescending(worker => worker.StartedAt).Select(worker => worker.Address).FirstAsync();
        using var client = new HttpClient();
        var request = new SamplingRequest("tiny", checkpoint.Folder, checkpoint.IsAdapter, "one", null, 12, 1, 1, 0, [], 1, 5);
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(address + SamplingEndpoint.Path))
        {
            Content = JsonContent.Create(request, options: SamplingEndpoint.Json),
            Headers = { { SamplingEndpoint.TokenHeader, WorkerHost.Token } },
        };
        using var response = await client.SendAsync(message);
        var chunks = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<SamplingChunk>(line, SamplingEndpoint.Json)!).ToList();
        Assert.NotNull(chunks[^1].FinishReason);
        Assert.InRange(chunks[^1].CompletionTokens!.Value, 1, 12);
        return string.Concat(chunks.Select(chunk => chunk.Text));
    }
}
