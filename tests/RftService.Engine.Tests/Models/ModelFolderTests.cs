using System.Text.Json.Nodes;
using RftService.Engine.Checkpoints;
using RftService.Engine.Models;

namespace RftService.Engine.Tests.Models;

public sealed class ModelFolderTests
{
    [Fact]
    public void Inspect_GoodFolder_DescribesIt()
    {
        using var model = new TinyModel();

        var info = ModelFolder.Inspect(model.Folder);

        // 260·32 embedding + 2 layers of (2·32·32 + 2·16·32 attention, 3·48·32 feed-forward, 2·32 norms) + 32.
        Assert.Equal(8320 + (2 * (2048 + 1024 + 4608 + 64)) + 32, info.Parameters);
        Assert.Equal(("llama", 64, 260, "float32", true), (info.Family, info.ContextLength, info.VocabularySize, info.Dtype, info.TiedEmbeddings));
        Assert.Equal(new FileInfo(model.Weights).Length, info.Bytes);
        Assert.Equal(64, info.Sha256.Length);
    }

    [Theory]
    [InlineData("hidden_act", "\"gelu\"", "/hidden_act")]
    [InlineData("architectures", "[\"GPT2LMHeadModel\"]", "/architectures/0")]
    [InlineData("rope_scaling", "{\"rope_type\":\"dynamic\",\"factor\":4.0}", "/rope_scaling/rope_type")]
    [InlineData("rope_scaling", "{\"rope_type\":\"linear\",\"factor\":-1}", "/rope_scaling/factor")]
    [InlineData("sliding_window", "4096", "/sliding_window")]
    [InlineData("layer_types", "[\"full_attention\",\"sliding_attention\"]", "/layer_types/1")]
    [InlineData("quantization_config", "{\"bits\":4}", "/quantization_config")]
    [InlineData("attn_logit_softcapping", "50.0", "/attn_logit_softcapping")]
    [InlineData("num_attention_heads", "5", "/num_key_value_heads")]
    [InlineData("num_attention_heads", "\"4\"", "/num_attention_heads")]
    [InlineData("hidden_size", "0", "/hidden_size")]
    [InlineData("rms_norm_eps", "null", "/rms_norm_eps")]
    public void Inspect_UnsupportedConfig_NamesTheField(string field, string value, string pointer)
    {
        using var model = new TinyModel();
        model.Edit("config.json", config => config[field] = JsonNode.Parse(value));

        var refused = Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder));

        Assert.Equal(("config.json", pointer), (refused.File, refused.Pointer));
    }

    [Fact]
    public void Inspect_OtherShape_NamesTheTensor()
    {
        using var model = new TinyModel();
        model.Edit("config.json", config => config["intermediate_size"] = 64);

        var refused = Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder));

        Assert.Equal("model.layers.0.mlp.gate_proj.weight", refused.Pointer);
        Assert.Contains("expected shape [64, 32] by config.json, got [48, 32]", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_MissingAndExtraTensor_AreNamed()
    {
        using var model = new TinyModel();
        var tensors = ModelLayout.Tensors(ModelConfig.Load(model.Folder));

        model.WriteWeights(tensors: [.. tensors.Where(tensor => tensor.Name != "model.norm.weight")]);
        Assert.Equal("model.norm.weight", Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder)).Pointer);

        model.WriteWeights(tensors: [.. tensors, ("model.extra", [3])]);
        Assert.Equal("model.extra", Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder)).Pointer);
    }

    [Fact]
    public void Inspect_TiedButDifferentHead_IsRefused()
    {
        using var model = new TinyModel();
        model.WriteWeights(tensors: [.. ModelLayout.Tensors(ModelConfig.Load(model.Folder)), (ModelLayout.Head, [260, 32])]);

        Assert.Equal(ModelLayout.Head, Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder)).Pointer);
    }

    [Fact]
    public void Inspect_Shards_AreOneModel()
    {
        using var model = new TinyModel();
        var whole = ModelFolder.Inspect(model.Folder);
        Split(model);

        Assert.Equal(whole.Parameters, ModelFolder.Inspect(model.Folder).Parameters);

        model.Edit("model.safetensors.index.json", index => index["weight_map"]!["model.norm.weight"] = "../other.safetensors");
        Assert.Equal("model.norm.weight", Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder)).Pointer);

        model.Edit("model.safetensors.index.json", index => index["weight_map"]!["model.norm.weight"] = "part-1.safetensors");
        Assert.Equal("model.norm.weight", Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder)).Pointer);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    public void Inspect_MissingFile_IsNamed(string file)
    {
        using var model = new TinyModel();
        File.Delete(Path.Combine(model.Folder, file));

        Assert.Equal(file, Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder)).File);
    }

    [Fact]
    public void Inspect_TokenizerWiderThanTheModel_IsRefused()
    {
        using var model = new TinyModel(vocabulary: 200);

        var refused = Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder));

        Assert.Equal(("tokenizer.json", "/model/vocab"), (refused.File, refused.Pointer));
        Assert.Contains("ids up to 256", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    public void Inspect_DamagedJson_NamesTheFile(string file)
    {
        using var model = new TinyModel();
        File.WriteAllText(Path.Combine(model.Folder, file), "{\"a\":");

        Assert.Equal(file, Assert.Throws<ModelFolderException>(() => ModelFolder.Inspect(model.Folder)).File);
    }

    private static void Split(TinyModel model)
    {
        var map = new JsonObject();
        using (var weights = SafeTensorsFile.Open(model.Weights))
        {
            foreach (var (part, entries) in weights.Entries.Chunk((weights.Entries.Count + 1) / 2).Index())
            {
                using var writer = new SafeTensorsWriter(Path.Combine(model.Folder, $"part-{part + 1}.safetensors"), entries);
                foreach (var entry in entries)
                {
                    var values = new float[entry.Elements];
                    weights.CopyTo(entry.Name, 0, values);
                    writer.Write(values);
                    map[entry.Name] = $"part-{part + 1}.safetensors";
                }

                writer.Commit();
            }
        }

        File.Delete(model.Weights);
        model.Write("model.safetensors.index.json", new JsonObject { ["weight_map"] = map });
    }
}
