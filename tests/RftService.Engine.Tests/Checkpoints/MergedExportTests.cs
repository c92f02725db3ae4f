using System.Text.Json.Nodes;
using RftService.Engine.Checkpoints;
using RftService.Engine.Models;
using RftService.Engine.Tests.Models;
using TorchSharp;

namespace RftService.Engine.Tests.Checkpoints;

public sealed class MergedExportTests : IDisposable
{
    private static readonly long[,] Tokens = { { 5, 9, 200, 31, 7, 77 } };
    private readonly TinyModel _base = new(headOnly: true);
    private readonly string _checkpoint = Directory.CreateTempSubdirectory("rft-adapter-").FullName;
    private readonly string _target = Directory.CreateTempSubdirectory("rft-merged-").FullName;

    public MergedExportTests()
    {
        using var scope = torch.NewDisposeScope();
        var lora = new LoraSpec { Rank = 3, Alpha = 6, TargetModules = ["q_proj", "v_proj", "down_proj"] };
        using var model = _base.Load(lora);
        using (torch.no_grad())
        {
            foreach (var (index, (_, value)) in model.Trainable.Index())
            {
                value.copy_(torch.arange(value.numel()).add(index).sin().mul(0.1f).view(value.shape));
            }
        }

        SafeTensorsWriter.Write(Path.Combine(_checkpoint, "adapter_model.safetensors"), model.Trainable);
        AdapterConfig.From(lora, ModelConfig.Load(_base.Folder), "tiny").Save(_checkpoint);
    }

    public void Dispose()
    {
        _base.Dispose();
        Directory.Delete(_checkpoint, recursive: true);
        Directory.Delete(_target, recursive: true);
    }

    [Fact]
    public void Write_Adapters_GiveTheSameHiddenStates()
    {
        using var scope = torch.NewDisposeScope();
        MergedExport.Write(_base.Folder, _checkpoint, _target, CancellationToken.None);

        using var adapted = ModelCatalog.LoadCheckpoint(_base.Folder, _checkpoint, isAdapter: true, "cpu");
        using var merged = ModelCatalog.LoadCheckpoint(_base.Folder, _target, isAdapter: false, "cpu");
        using var plain = _base.Load();
        var expected = adapted.Hidden(torch.tensor(Tokens));

        Assert.InRange((merged.Hidden(torch.tensor(Tokens)) - expected).abs().max().item<float>(), 0f, 2e-5f);
        Assert.True((plain.Hidden(torch.tensor(Tokens)) - expected).abs().max().item<float>() > 0.01f);
        Assert.Equal("float32", ModelFolder.Inspect(_target).Dtype);
    }

    [Fact]
    public void Write_AdapterOfOtherRank_NamesTheTensor()
    {
        EditConfig(json => json["r"] = 4);

        var refused = Assert.Throws<ModelFolderException>(() => MergedExport.Write(_base.Folder, _checkpoint, _target, CancellationToken.None));

        Assert.Equal("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", refused.Pointer);
        Assert.Empty(Directory.GetFiles(_target));
    }

    [Theory]
    [InlineData("use_dora", "true", "/use_dora")]
    [InlineData("bias", "\"all\"", "/bias")]
    [InlineData("target_modules", "[\"embed_tokens\"]", "/target_modules/0")]
    [InlineData("r", "0", "/r")]
    public void Load_UnsupportedAdapterConfig_NamesTheField(string field, string value, string pointer)
    {
        EditConfig(json => json[field] = JsonNode.Parse(value));

        Assert.Equal(pointer, Assert.Throws<ModelFolderException>(() => AdapterConfig.Load(_checkpoint)).Pointer);
    }

    [Fact]
    public void Write_Cancelled_LeavesNoWeights()
    {
        Assert.Throws<OperationCanceledException>(() => MergedExport.Write(_base.Folder, _checkpoint, _target, new CancellationToken(canceled: true)));

        Assert.Empty(Directory.GetFiles(_target));
    }

    private void EditConfig(Action<JsonObject> change)
    {
        var path = Path.Combine(_checkpoint, "adapter_config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }
}
