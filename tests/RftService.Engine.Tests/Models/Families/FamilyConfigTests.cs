using System.Text.Json.Nodes;
using RftService.Engine.Models;

namespace RftService.Engine.Tests.Models.Families;

public sealed class FamilyConfigTests
{
    [Theory]
    [InlineData("llama", "rope_scaling", """{"rope_type": "dynamic", "factor": 2.0}""", "/rope_scaling/rope_type")]
    [InlineData("llama", "rope_scaling", """{"rope_type": "longrope", "factor": 2.0}""", "/rope_scaling/rope_type")]
    [InlineData("llama", "rope_scaling", """{"rope_type": "yarn", "factor": 2.0, "mscale": 0.7}""", "/rope_scaling/mscale")]
    [InlineData("llama", "rope_scaling", """{"factor": 2.0}""", "/rope_scaling/rope_type")]
    [InlineData("llama", "rope_scaling", "4", "/rope_scaling")]
    [InlineData("llama", "partial_rotary_factor", "0.5", "/partial_rotary_factor")]
    [InlineData("llama", "rope_interleaved", "true", "/rope_interleaved")]
    [InlineData("llama", "num_local_experts", "8", "/num_local_experts")]
    [InlineData("llama", "architectures", """["Qwen3MoeForCausalLM"]""", "/architectures/0")]
    [InlineData("llama", "architectures", """["Gemma3ForConditionalGeneration"]""", "/architectures/0")]
    [InlineData("mistral", "sliding_window", "0", "/sliding_window")]
    [InlineData("mistral", "layer_types", """["full_attention"]""", "/layer_types")]
    [InlineData("qwen2", "layer_types", """["full_attention", "sliding_attention"]""", "/layer_types/1")]
    [InlineData("qwen2", "layer_types", """["chunked_attention", "full_attention"]""", "/layer_types/0")]
    [InlineData("qwen2", "use_mrope", "true", "/use_mrope")]
    [InlineData("qwen2", "attention_bias", "true", "/attention_bias")]
    [InlineData("qwen3", "quantization_config", """{"bits": 4}""", "/quantization_config")]
    [InlineData("qwen3", "hidden_act", "\"gelu\"", "/hidden_act")]
    [InlineData("smollm3", "no_rope_layers", "[1]", "/no_rope_layers")]
    [InlineData("smollm3", "no_rope_layers", "[1, 2]", "/no_rope_layers/1")]
    [InlineData("phi3", "attention_bias", "true", "/attention_bias")]
    [InlineData("phi3", "partial_rotary_factor", "0.4", "/partial_rotary_factor")]
    [InlineData("phi3", "rope_scaling", """{"type": "yarn", "factor": 2.0}""", "/rope_scaling/rope_type")]
    [InlineData("phi4-mini", "full_attn_mod", "2", "/full_attn_mod")]
    [InlineData("phi4-mini", "rope_scaling", """{"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}""", "/rope_scaling/short_factor")]
    [InlineData("gemma2", "hidden_activation", "\"relu\"", "/hidden_activation")]
    [InlineData("gemma2", "hidden_act", "\"silu\"", "/hidden_act")]
    [InlineData("gemma2", "use_bidirectional_attention", "true", "/use_bidirectional_attention")]
    [InlineData("gemma2", "attn_logit_softcapping", "-1", "/attn_logit_softcapping")]
    [InlineData("gemma3", "query_pre_attn_scalar", "\"x\"", "/query_pre_attn_scalar")]
    [InlineData("gemma3", "rope_parameters", """{"rope_theta": 5.0, "rope_type": "default"}""", "/rope_parameters/sliding_attention")]
    [InlineData("gemma3-nested", "rope_parameters", """{"sliding_attention": {"rope_type": "default"}, "full_attention": {"rope_type": "dynamic"}}""", "/rope_parameters/full_attention/rope_type")]
    public void Load_WhatIsNotUnderstood_IsNamed(string variant, string field, string value, string pointer)
    {
        using var model = FamilyVariants.Make(variant);
        model.Edit("config.json", config => config[field] = JsonNode.Parse(value));

        var refused = Assert.Throws<ModelFolderException>(() => ModelConfig.Load(model.Folder));

        Assert.Equal(("config.json", pointer), (refused.File, refused.Pointer));
    }

    // The defaults of transformers' configuration classes, for fields that short config files leave out.
    [Fact]
    public void Load_AbsentFields_AreTransformersDefaults()
    {
        var mistral = Load("mistral", "sliding_window", "tie_word_embeddings");
        Assert.Equal((4096, false), (mistral.Attention[0].Window, mistral.TiedEmbeddings));

        var gemma2 = Load("gemma2", "tie_word_embeddings", "attn_logit_softcapping", "final_logit_softcapping", "sliding_window", "query_pre_attn_scalar");
        Assert.Equal(
            (true, 50.0, 30.0, 4096, (int?)null, 1 / 16.0),
            (gemma2.TiedEmbeddings, gemma2.AttentionSoftCap, gemma2.LogitSoftCap, gemma2.Attention[0].Window, gemma2.Attention[1].Window, gemma2.AttentionScale));

        var gemma3 = Load("gemma3", "tie_word_embeddings", "sliding_window_pattern", "rope_theta", "rope_local_base_freq", "rope_scaling");
        Assert.Equal((3, 3), (gemma3.Attention[0].Window, gemma3.Attention[1].Window)); // the sixth layer would be the first without
        Assert.Equal((10_000.0, true), (gemma3.Attention[0].Rope!.Theta, gemma3.TiedEmbeddings));

        var smol = Load("smollm3", "no_rope_layers", "tie_word_embeddings", "rope_theta");
        Assert.Equal((2_000_000.0, true), (smol.Attention[1].Rope!.Theta, smol.TiedEmbeddings)); // the fourth layer would be the first that stays
    }

    [Fact]
    public void Load_LongRope_EndsTheContextWhereTheShortFactorsDo()
    {
        using var model = FamilyVariants.Make("phi4-mini");

        Assert.Equal(16, ModelConfig.Load(model.Folder).ContextLength);
    }

    private static ModelConfig Load(string variant, params string[] without)
    {
        using var model = FamilyVariants.Make(variant);
        model.Edit("config.json", config => without.ToList().ForEach(field => config.Remove(field)));
        return ModelConfig.Load(model.Folder);
    }
}
