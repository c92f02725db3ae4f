using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using RftService.Engine.Models;
using RftService.Engine.Training.Optimizers;
using TorchSharp;

namespace RftService.Engine.Checkpoints;

/// <summary>
/// Checkpoints of a run. A whole model is a complete Hugging Face folder in float32, an adapter a PEFT folder;
/// `trainer/` holds what only this service needs to go on.
/// </summary>
internal sealed class CheckpointStore(string root, string modelFolder)
{
    private const string StateFile = "trainer/state.json";
    private const string OptimizerFile = "trainer/optimizer.safetensors";
    private const string ModelFile = "model.safetensors";

    // The history of the rows is a line a number otherwise.
    private static readonly JsonSerializerOptions Compact = new(TrainerState.Json) { WriteIndented = false };

    // What a model folder may hold beside its weights and config.
    private static readonly string[] Companions =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
        "tokenizer.model", "chat_template.jinja", "chat_template.json",
    ];

    /// <summary>Writes a checkpoint; it is complete and durable when this returns.</summary>
    /// <param name="model">The policy.</param>
    /// <param name="optimizer">Its optimizer.</param>
    /// <param name="state">Where the run stands.</param>
    /// <param name="origin">Why it is written.</param>
    /// <param name="addFiles">Writes further files into `trainer/` of the folder it is given.</param>
    public CheckpointReport Save(ICausalLm model, Optimizer optimizer, TrainerState state, CheckpointOrigin origin, Action<string> addFiles)
    {
        var folder = Path.Combine(root, $"step-{state.Step:D8}");
        DurableFolder.Create(folder, temporary =>
        {
            Directory.CreateDirectory(Path.Combine(temporary, "trainer"));
            WriteWeights(temporary, model);
            foreach (var file in Companions.Where(file => File.Exists(Path.Combine(modelFolder, file))))
            {
                File.Copy(Path.Combine(modelFolder, file), Path.Combine(temporary, file));
            }

            SafeTensorsWriter.Write(Path.Combine(temporary, OptimizerFile), optimizer.State);
            File.WriteAllBytes(Path.Combine(temporary, StateFile), JsonSerializer.SerializeToUtf8Bytes(state, Compact));
            addFiles(temporary);
            Manifest.Of(temporary, state.Step, model.Lora is not null).Write(temporary);
        });

        var bytes = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        using var manifest = File.OpenRead(Path.Combine(folder, Manifest.FileName));
        return new CheckpointReport(state.Step, folder, model.Lora is not null, bytes, Convert.ToHexStringLower(SHA256.HashData(manifest)), origin);
    }

    /// <summary>Checks every file of a checkpoint and reads where the run stood.</summary>
    /// <exception cref="TrainingException">The checkpoint is damaged.</exception>
    public static TrainerState Open(string folder)
    {
        Manifest.Verify(folder);
        try
        {
            var state = JsonSerializer.Deserialize<TrainerState>(File.ReadAllBytes(Path.Combine(folder, StateFile)), TrainerState.Json)
                ?? throw Manifest.Damaged(folder, $"{StateFile} is empty");
            return state.Replay.Rows.Select(row => row.Fault()).FirstOrDefault(fault => fault is not null) is { } misfit
                ? throw Manifest.Damaged(folder, $"{StateFile} holds a completion {misfit}")
                : state;
        }
        catch (Exception failure) when (failure is IOException or JsonException)
        {
            throw Manifest.Damaged(folder, $"{StateFile} is missing or malformed", failure);
        }
    }

    /// <summary>Takes weights and optimizer over from a checkpoint that <see cref="Open"/> has checked.</summary>
    /// <exception cref="TrainingException">It belongs to a model of another shape.</exception>
    public static void Restore(string folder, ICausalLm model, Optimizer optimizer)
    {
        try
        {
            using var gradientOff = torch.no_grad();
            using var scope = torch.NewDisposeScope();
            using var weights = SafeTensorsFile.Open(Path.Combine(folder, model.Lora is null ? ModelFile : AdapterLayout.File));
            foreach (var (name, value) in model.Trainable)
            {
                using var saved = weights.Read(name);
                if (!saved.shape.SequenceEqual(value.shape))
                {
                    throw new InvalidDataException($"{name}: expected [{string.Join(", ", value.shape)}], got [{string.Join(", ", saved.shape)}]");
                }

                value.copy_(saved);
            }

            using var moments = SafeTensorsFile.Open(Path.Combine(folder, OptimizerFile));
            optimizer.Load(moments.Entries.ToDictionary(entry => entry.Name, entry => moments.Read(entry.Name)));
        }
        catch (Exception failure) when (failure is ModelFolderException or InvalidDataException)
        {
            throw Manifest.Damaged(folder, failure.Message, failure);
        }
    }

    private void WriteWeights(string folder, ICausalLm model)
    {
        if (model.Lora is { } lora)
        {
            SafeTensorsWriter.Write(Path.Combine(folder, AdapterLayout.File), model.Trainable);
            AdapterConfig.From(lora, model.Config, Path.GetFileName(Path.TrimEndingDirectorySeparator(modelFolder))).Save(folder);
            return;
        }

        SafeTensorsWriter.Write(Path.Combine(folder, ModelFile), model.Parameters);
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(modelFolder, "config.json")))!.AsObject();
        config["torch_dtype"] = "float32";
        config.Remove("dtype"); // the newer name of the same thing
        config["tie_word_embeddings"] = model.Config.TiedEmbeddings; // transformers' default is not every family's
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString(TrainerState.Json) + "\n");
        if (File.Exists(Path.Combine(modelFolder, "generation_config.json")))
        {
            File.Copy(Path.Combine(modelFolder, "generation_config.json"), Path.Combine(folder, "generation_config.json"));
        }
    }
}
