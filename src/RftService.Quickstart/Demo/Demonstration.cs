using System.Text.Json.Nodes;
using RftService.Quickstart.Corpus;

namespace RftService.Quickstart.Demo;

/// <summary>The newcomer's first run, over HTTP: upload, reward, run, progress, accuracy before and after, samples.</summary>
internal sealed class Demonstration(Uri address, string key, TextWriter console) : IDisposable
{
    private const int Steps = 50;

    private readonly RftApi _api = new(address, key);

    /// <returns>0 when the run succeeded.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("quickstart-corpus").FullName;
        CorpusFiles.Write(folder, seed: 1, trainRows: 8_000, heldOutRows: 400);
        var train = await _api.UploadAsync(Path.Combine(folder, "train.jsonl"), "prompts", cancellation);
        var heldOut = await _api.UploadAsync(Path.Combine(folder, "held-out.jsonl"), "prompts", cancellation);
        Directory.Delete(folder, recursive: true);
        Say($"uploaded 8,000 problems ({train}) and 400 held-out ones ({heldOut})");

        var model = await FindOrRegisterModelAsync(cancellation);
        var reward = await _api.PostAsync("rewards", Json("""
            {
              "name": "right answer",
              "grader": { "type": "numeric_answer", "name": "answer", "input": "{{sample.output_text}}", "reference": "{{item.answer}}" }
            }
            """), cancellation);
        var run = await _api.PostAsync("runs", Json($$"""
            {
              "name": "quickstart",
              "model": "{{model}}",
              "dataset_id": "{{train}}",
              "evaluation_dataset_id": "{{heldOut}}",
              "reward_id": "{{reward["id"]}}",
              "recipe": {
                "algorithm": { "type": "topr" },
                "sampling": { "max_tokens": 64 },
                "optimizer": { "learning_rate": 2e-4, "warmup_steps": 3 },
                "evaluation": { "rows": 400 },
                "steps": {{Steps}}, "prompts_per_step": 16, "group_size": 8, "checkpoint_every": 20, "seed": 1
              }
            }
            """), cancellation);
        var id = (string)run["id"]!;
        Say($"submitted {id}: {Steps} steps of TOPR, 16 problems with 8 solutions each");
        Say($"watch it:  {new Uri(address, (string)run["links"]!["page"]!)}");
        console.WriteLine();

        var status = await WatchAsync(id, cancellation);
        run = await _api.GetAsync($"runs/{id}", cancellation);
        if (status != "succeeded")
        {
            Say($"the run {status}: {run["failure"]?["message"]} {run["failure"]?["remedy"]}");
            return 1;
        }

        await ReportAsync(id, cancellation);
        return 0;
    }

    public void Dispose() => _api.Dispose();

    private async Task<string> FindOrRegisterModelAsync(CancellationToken cancellation)
    {
        const string name = "quickstart";
        var known = await _api.GetAsync("models?limit=200", cancellation);
        if (!known["data"]!.AsArray().Any(model => (string)model!["name"]! == name))
        {
            await _api.PostAsync("models", new JsonObject { ["name"] = name, ["folder"] = name }, cancellation);
        }

        return name;
    }

    private async Task<string> WatchAsync(string run, CancellationToken cancellation)
    {
        var status = "queued";
        await foreach (var (type, data) in _api.StreamAsync(run, cancellation))
        {
            if (type == "status")
            {
                status = (string)data["status"]!;
            }
            else if (type == "metrics")
            {
                var (step, values) = ((int)data["step"]!, data["values"]!);
                if (values["evaluation/reward_mean"] is { } accuracy)
                {
                    Say($"step {step,3}  held-out accuracy {(double)accuracy:P1}");
                }
                else if (step % 5 == 0)
                {
                    Say($"step {step,3}  reward {(double)values["reward/mean"]!:F2}  entropy {(double)values["policy/entropy"]!:F2}  {Bar((double)step / Steps)}");
                }
            }
            else if (type == "event" && (string)data["level"]! != "info")
            {
                Say($"{data["level"]}: {data["message"]}");
            }
        }

        return status;
    }

    private async Task ReportAsync(string run, CancellationToken cancellation)
    {
        var metrics = await _api.GetAsync($"runs/{run}/metrics?names=evaluation/reward_mean", cancellation);
        var accuracy = metrics["series"]!["evaluation/reward_mean"]!.AsArray().Where(value => value is not null).Select(value => (double)value!).ToList();
        console.WriteLine();
        Say($"held-out accuracy: {accuracy[0]:P1} before, {accuracy[^1]:P1} after ({100 * (accuracy[^1] - accuracy[0]):+0.0;-0.0} points)");

        var checkpoints = await _api.GetAsync($"runs/{run}/checkpoints", cancellation);
        var newest = checkpoints["data"]!.AsArray().MaxBy(checkpoint => (int)checkpoint!["step"]!)!;
        var checkpointId = (string)newest["id"]!;
        Say($"checkpoint {checkpointId} answers held-out problems:");
        foreach (var problem in CorpusFiles.Problems(Split.HeldOut, 1).DistinctBy(problem => problem.Key).Skip(400).Take(3))
        {
            var answer = await _api.PostAsync($"checkpoints/{checkpointId}/chat/completions", new JsonObject
            {
                ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = problem.Question }),
                ["max_tokens"] = 64,
                ["temperature"] = 0,
            }, cancellation);
            console.WriteLine();
            Say($"  {problem.Question}");
            Say($"  →{(string)answer["choices"]![0]!["message"]!["content"]!}   (right: {problem.Answer})");
        }
    }

    private static string Bar(double done)
    {
        var filled = (int)(20 * done);
        return $"[{new string('#', filled)}{new string('.', 20 - filled)}] {done:P0}";
    }

    private static JsonNode Json(string text) => JsonNode.Parse(text)!;

    private void Say(string line) => console.WriteLine(line);
}
