using System.Numerics;
using System.Text.Json.Nodes;
using RftService.Engine.Models;

namespace RftService.Engine.Checkpoints;

/// <summary>
/// Folds adapters into their base model: W + scale · B·A. In managed code and row by row, because the Api writes downloads and has no
/// libtorch; memory stays at one row and the adapters of one layer.
/// </summary>
public static class MergedExport
{
    private static readonly string[] Beside =
    [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "added_tokens.json",
        "vocab.json", "merges.txt", "tokenizer.model",
    ];

    /// <summary>Writes a whole Hugging Face folder: merged float32 weights, config.json and the tokenizer's files.</summary>
    /// <param name="baseFolder">Absolute folder of the base model.</param>
    /// <param name="checkpointFolder">Absolute folder of the adapters.</param>
    /// <param name="targetFolder">Absolute folder, made when needed.</param>
    /// <param name="cancellation">Looked at before every row; what was written so far stays.</param>
    /// <exception cref="ModelFolderException">A file is missing or damaged, or the adapters do not belong to the base.</exception>
    public static void Write(string baseFolder, string checkpointFolder, string targetFolder, CancellationToken cancellation)
    {
        var config = ModelConfig.Load(baseFolder);
        var lora = AdapterConfig.Load(checkpointFolder).ToSpec();
        using var weights = SafeTensorsFolder.Open(baseFolder);
        ModelLayout.Match(config, weights);
        using var adapters = SafeTensorsFile.Open(Path.Combine(checkpointFolder, AdapterLayout.File));
        AdapterLayout.Match(config, lora, adapters);

        Directory.CreateDirectory(targetFolder);
        var layout = ModelLayout.Tensors(config);
        using (var writer = new SafeTensorsWriter(
            Path.Combine(targetFolder, "model.safetensors"),
            [.. layout.Select(tensor => new SafeTensorsEntry(tensor.Name, SafeTensorsDtype.Float32, tensor.Shape))]))
        {
            foreach (var (name, shape) in layout)
            {
                var stored = config.TiedEmbeddings ? ModelLayout.Stored(weights, name) : name;
                WriteTensor(writer, weights, stored, shape, Adapter(adapters, name, lora), cancellation);
            }

            writer.Commit();
        }

        CopyFiles(baseFolder, targetFolder);
    }

    private static void WriteTensor(
        SafeTensorsWriter writer, SafeTensorsFolder weights, string name, long[] shape, MergeAdapter? adapter, CancellationToken cancellation)
    {
        var row = new float[shape[^1]];
        var rows = shape.Length == 1 ? 1 : shape[0];
        for (var index = 0L; index < rows; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            weights.CopyTo(name, index * row.Length, row);
            adapter?.AddTo(row, (int)index);
            writer.Write(row);
        }
    }

    private static MergeAdapter? Adapter(SafeTensorsFile adapters, string name, LoraSpec lora)
    {
        var linear = name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name;
        var (a, b) = (AdapterLayout.Name(linear, AdapterLayout.A), AdapterLayout.Name(linear, AdapterLayout.B));
        return adapters.Contains(a) ? new MergeAdapter(Read(adapters, a), Read(adapters, b), lora) : null;
    }

    private static float[] Read(SafeTensorsFile file, string name)
    {
        var values = new float[file.Entry(name).Elements];
        file.CopyTo(name, 0, values);
        return values;
    }

    private static void CopyFiles(string baseFolder, string targetFolder)
    {
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(baseFolder, "config.json")))!.AsObject();
        config.Remove("dtype");
        config["torch_dtype"] = "float32"; // of the merged weights: an adapter's steps are finer than bfloat16's
        File.WriteAllText(Path.Combine(targetFolder, "config.json"), config.ToJsonString(new() { WriteIndented = true }));
        foreach (var file in Beside.Where(file => File.Exists(Path.Combine(baseFolder, file))))
        {
            File.Copy(Path.Combine(baseFolder, file), Path.Combine(targetFolder, file), overwrite: true);
        }
    }

    /// <param name="a">[r, in]</param>
    /// <param name="b">[out, r]</param>
    /// <param name="lora">Rank and scale.</param>
    private sealed class MergeAdapter(float[] a, float[] b, LoraSpec lora)
    {
        private readonly float _scale = (float)lora.Scale;

        public void AddTo(Span<float> row, int index)
        {
            for (var r = 0; r < lora.Rank; r++)
            {
                AddScaled(row, a.AsSpan(r * row.Length, row.Length), _scale * b[(index * lora.Rank) + r]);
            }
        }

        private static void AddScaled(Span<float> row, ReadOnlySpan<float> direction, float factor)
        {
            var i = 0;
            for (var factors = new Vector<float>(factor); i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                (new Vector<float>(row[i..]) + (factors * new Vector<float>(direction[i..]))).CopyTo(row[i..]);
            }

            for (; i < row.Length; i++)
            {
                row[i] += factor * direction[i];
            }
        }
    }
}
